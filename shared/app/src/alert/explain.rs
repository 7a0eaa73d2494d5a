//! Explains an alert: what it says, what happened, and what today's rules make of it.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::alert::key::KeyRow;
use domain::alert::note::Note;
use domain::alert::{Alert, AlertEvent, AlertStatus, Body};
use domain::alert_route::{Route, Verdict};
use domain::escalation::Escalation;
use domain::id::{AlertId, UserId};
use domain::incident::Incident;
use domain::source::Source;
use futures_util::future::try_join_all;
use serde_json::Value;
use serde_json::value::RawValue;
use store::{History, Store};
use tracing::instrument;

use crate::AppError;
use crate::escalation::history::LEFT;
use crate::rules::{Snapshot, readable};

/// The most escalations of an alert that are read.
const MOST_ESCALATIONS: usize = 20;

/// The newest notes that are read.
const MOST_NOTES: usize = 50;

/// An alert with everything that people ask about it.
pub struct Explained {
    /// The alert.
    pub alert: Alert,
    /// Its history, oldest first.
    pub history: Vec<History>,
    /// What it says now.
    pub body: Option<Body>,
    /// What its sender sent, while that is kept.
    pub raw: Option<String>,
    /// Its source.
    pub source: Option<Source>,
    /// The incident that it belongs to.
    pub incident: Option<Incident>,
    /// Those who are paged for it.
    pub escalations: Vec<Escalation>,
    /// What people wrote about it, the newest first.
    pub notes: Vec<Note>,
    /// What is known of its key, while it is the newest alert of it.
    pub key: Option<KeyRow>,
    /// How those are called who acted on it.
    people: BTreeMap<UserId, String>,
}

impl Explained {
    /// Whether its ends come again and again, so that it goes on until it is quiet.
    pub fn flaps(&self, now: Timestamp) -> bool {
        self.key.as_ref().is_some_and(|row| row.flaps_on(&self.alert, now))
    }

    /// How a person is called.
    pub fn person(&self, id: UserId) -> &str {
        self.people.get(&id).map_or(LEFT, String::as_str)
    }

    /// The event as it would be routed now; none if what was sent is no longer kept.
    pub fn event(&self) -> Option<(AlertEvent, Value)> {
        let (body, raw) = (self.body.as_ref()?, self.raw.as_deref()?);
        let payload: Value = serde_json::from_str(raw).ok()?;
        let event = AlertEvent {
            status: AlertStatus::Firing,
            deduplication_key: body.deduplication_key.clone(),
            title: body.title.clone(),
            description: body.description.clone(),
            source_url: body.source_url.clone(),
            priority: body.priority.clone(),
            occurred_at: None,
            began_at: None,
            holds_s: None,
            payload: RawValue::from_string(raw.to_owned()).ok()?,
        };
        Some((event, payload))
    }

    /// What today's routes make of it, in their order; none if what was sent is no longer kept.
    ///
    /// What routed it then is not stored: a route that has changed since says here what it would do now.
    pub fn verdicts<'a>(&self, routes: &'a [Route]) -> Option<Vec<(&'a Route, Verdict<'a>)>> {
        let (event, payload) = self.event()?;
        let of = |route: &'a Route| (route, route.verdict(self.alert.source, &event, &payload));
        Some(routes.iter().map(of).collect())
    }
}

/// Explains an alert; none if there is no such alert.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all, fields(alert.id = %id), err)]
pub async fn explain(store: &Store, rules: &Snapshot, id: AlertId) -> Result<Option<Explained>, AppError> {
    let org = rules.org.id;
    let Some((alert, history)) = store.alert_with_history(org, id).await? else { return Ok(None) };
    let body = readable(store.alert_body(org, id).await)?;
    let raw = readable(store.alert_raw(org, id).await)?;
    let source = readable(rules.source(alert.source).await)?.map(|source| (*source).clone());
    let incident = match alert.incident {
        Some(incident) => readable(store.incident(org, incident).await)?,
        None => None,
    };
    let escalations = alert.escalations.iter().take(MOST_ESCALATIONS);
    let escalations = escalations.map(async |&id| readable(store.escalation(org, id).await));
    let escalations = try_join_all(escalations).await?.into_iter().flatten().collect();
    let notes = match alert.notes {
        0 => Vec::new(),
        _ => store.notes(org, id, MOST_NOTES).await?,
    };
    let key = readable(store.key(org, alert.source, &alert.key).await)?.filter(|row| row.alert == Some(id));
    let acted = history.iter().filter_map(|row| row.by.parse::<domain::Identity>().ok()?.user());
    let mut people = BTreeMap::new();
    for id in acted.chain(notes.iter().filter_map(|note| note.by.user())) {
        if let Some(user) = readable(rules.user(id).await)? {
            people.insert(id, user.name.clone());
        }
    }
    Ok(Some(Explained { alert, history, body, raw, source, incident, escalations, notes, key, people }))
}
