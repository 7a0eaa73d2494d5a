//! Loads an alert with its history, and evaluates the current routes against it.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::alert::key::KeyRow;
use domain::alert::note::Note;
use domain::alert::{Alert, AlertEvent, AlertStatus, Body};
use domain::alert_route::{Route, RouteDecision};
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

/// The most notes that are read, newest first.
const MOST_NOTES: usize = 50;

/// An alert with everything that its page shows.
pub struct AlertDetails {
    /// The alert.
    pub alert: Alert,
    /// Its history, oldest first.
    pub history: Vec<History>,
    /// The alert's current body.
    pub body: Option<Body>,
    /// The original event as JSON; `None` once it is no longer stored.
    pub raw: Option<String>,
    /// Its source.
    pub source: Option<Source>,
    /// The incident that it belongs to.
    pub incident: Option<Incident>,
    /// The escalations that notify people for the alert.
    pub escalations: Vec<Escalation>,
    /// The notes, newest first.
    pub notes: Vec<Note>,
    /// The row of the alert's deduplication key, if this is the key's newest alert.
    pub key: Option<KeyRow>,
    /// The names of the people in its history and notes.
    people: BTreeMap<UserId, String>,
}

impl AlertDetails {
    /// Whether the alert flaps, so that its resolution is held back until it has been quiet.
    pub fn flaps(&self, now: Timestamp) -> bool {
        self.key.as_ref().is_some_and(|row| row.flaps_on(&self.alert, now))
    }

    /// The name of a person.
    pub fn person(&self, id: UserId) -> &str {
        self.people.get(&id).map_or(LEFT, String::as_str)
    }

    /// The event as the current routes would see it; `None` if the original event is no longer stored.
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

    /// The decision of every current route, in order; `None` if the original event is no longer stored.
    ///
    /// The decisions of that time are not stored, so a route that has changed since shows what it would do now.
    pub fn verdicts<'a>(&self, routes: &'a [Route]) -> Option<Vec<(&'a Route, RouteDecision<'a>)>> {
        let (event, payload) = self.event()?;
        let of = |route: &'a Route| (route, route.verdict(self.alert.source, &event, &payload));
        Some(routes.iter().map(of).collect())
    }
}

/// Loads an alert with everything that its page shows; `None` if the alert does not exist.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all, fields(alert.id = %id))]
pub async fn explain(store: &Store, rules: &Snapshot, id: AlertId) -> Result<Option<AlertDetails>, AppError> {
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
    Ok(Some(AlertDetails { alert, history, body, raw, source, incident, escalations, notes, key, people }))
}
