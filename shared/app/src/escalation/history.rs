//! Loads an escalation with its history, its notifications and the names that its page shows.

use std::collections::BTreeMap;

use domain::Identity;
use domain::alert::{Alert, Body};
use domain::escalation::{Escalation, EscalationState, PathRef};
use domain::escalation_path::Level;
use domain::id::{EscalationId, UserId};
use domain::incident::Incident;
use domain::notification::Notification;
use domain::source::Source;
use machine::{State, Stateful};
use store::{History, Store};
use tracing::instrument;

use crate::AppError;
use crate::rules::{Snapshot, readable};

/// An escalation with everything that its page shows.
#[derive(Debug, Clone)]
pub struct EscalationHistory {
    /// The escalation.
    pub escalation: Escalation,
    /// Its history, oldest first.
    pub history: Vec<History>,
    /// Its pages.
    pub notifications: Vec<Notification>,
    /// The levels of its path.
    pub levels: Vec<Level>,
    /// The name of its escalation path, if it runs one.
    pub path: Option<String>,
    /// The alert that it notifies people of.
    pub alert: Option<Alert>,
    /// The current body of the alert.
    pub body: Option<Body>,
    /// The alert's source.
    pub source: Option<Source>,
    /// The incident that it belongs to.
    pub incident: Option<Incident>,
    people: BTreeMap<UserId, String>,
}

/// The name shown for a person who was removed.
pub(crate) const LEFT: &str = "a former user";

impl EscalationHistory {
    /// The name of a person.
    pub fn person(&self, id: UserId) -> &str {
        self.people.get(&id).map_or(LEFT, String::as_str)
    }

    /// The name of the person or system that caused a step.
    pub fn who(&self, by: &str) -> &str {
        match by.parse() {
            Ok(Identity::User(id)) => self.person(id),
            Ok(Identity::ApiKey(_)) => "an API key",
            Ok(Identity::System(part)) if part.starts_with("alert_source:") => self.source_name(),
            Ok(Identity::System(_)) | Err(_) => "Firebell",
        }
    }

    /// The name of the alert's source.
    pub fn source_name(&self) -> &str {
        self.source.as_ref().map_or("an alert source", |source| source.name.as_str())
    }

    /// The step by which it was acknowledged or ended, if any.
    pub fn answer(&self) -> Option<&History> {
        let state = self.escalation.head().state();
        if state.notifies() {
            return None;
        }
        self.history.iter().rev().find(|row| EscalationState::named(&row.to) == Some(state))
    }

    /// The people of the current level, or of one `further` levels on.
    pub fn level(&self, further: usize) -> Vec<&str> {
        let level = self.levels.get(usize::from(self.escalation.level) + further);
        level.into_iter().flat_map(|level| &level.targets).map(|target| self.person(target.user)).collect()
    }

    /// Says whether its next level may still be notified.
    pub fn is_paging(&self) -> bool {
        self.escalation.head().state().has_next_level()
    }
}

/// Loads the history of an escalation; `None` if the escalation does not exist.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all, fields(escalation.id = %id))]
pub async fn history(
    store: &Store,
    rules: &Snapshot,
    id: EscalationId,
) -> Result<Option<EscalationHistory>, AppError> {
    let org = rules.org.id;
    let Some(told) = store.escalation_with_story(org, id).await? else { return Ok(None) };
    let escalation = told.escalation;
    let (levels, staff) = rules.levels(&escalation.plan).await?;
    let path = match &escalation.plan {
        PathRef::Path { id, version } => readable(rules.path(*id, Some(*version)).await)?,
        PathRef::Users(_) | PathRef::Fallback => None,
    };
    let path = path.map(|path| path.name.clone());
    let (alert, body) = match escalation.alert {
        Some(alert) => {
            (readable(store.alert(org, alert).await)?, readable(store.alert_body(org, alert).await)?)
        }
        None => (None, None),
    };
    let source = match &alert {
        Some(alert) => readable(rules.source(alert.source).await)?.map(|source| (*source).clone()),
        None => None,
    };
    let incident = match escalation.incident {
        Some(incident) => readable(store.incident(org, incident).await)?,
        None => None,
    };

    let mut people: BTreeMap<UserId, String> =
        staff.users.into_iter().map(|(id, user)| (id, user.name)).collect();
    let acted = told.history.iter().filter_map(|row| row.by.parse::<Identity>().ok()?.user());
    for id in acted.chain(told.notifications.iter().map(|notification| notification.user)) {
        if let Some(user) = readable(rules.user(id).await)? {
            people.insert(id, user.name.clone());
        }
    }
    let (history, notifications) = (told.history, told.notifications);
    Ok(Some(EscalationHistory {
        escalation,
        history,
        notifications,
        levels,
        path,
        alert,
        body,
        source,
        incident,
        people,
    }))
}
