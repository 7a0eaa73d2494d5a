//! Loads the timeline of an incident: everything that happened, in one order, whichever surface it was done from.

use std::collections::{BTreeMap, BTreeSet};

use domain::Identity;
use domain::alert::{Alert, AlertState};
use domain::escalation::{Escalation, EscalationState, notified_level};
use domain::escalation_path::Level;
use domain::id::{AlertId, ApiKeyId, EscalationId, SourceId, UserId};
use domain::incident::{ChangeNote, FieldChange, Incident, TimelineEntry, TimelineEvent, ordered};
use futures_util::future::try_join_all;
use machine::State;
use store::{Choices, History, Store};
use tracing::instrument;

use crate::AppError;
use crate::escalation::history::LEFT;
use crate::rules::{Snapshot, readable};

/// The most history rows of the incident.
const MOST_STEPS: usize = 200;
/// The most alerts.
const MOST_ALERTS: usize = 25;
/// The most escalations.
const MOST_ESCALATIONS: usize = 10;
/// The most API keys whose names are looked up.
const MOST_KEYS: usize = 10;

/// An escalation of an incident.
#[derive(Debug, Clone)]
pub struct TimelineEscalation {
    /// The escalation.
    pub escalation: Escalation,
    /// The levels of its path.
    pub levels: Vec<Level>,
    history: Vec<History>,
}

/// An incident with its timeline and everything that its page shows.
#[derive(Debug, Clone)]
pub struct IncidentTimeline {
    /// The incident.
    pub incident: Incident,
    /// The organisation's severities, statuses and roles.
    pub choices: Choices,
    /// The entries, oldest first.
    pub entries: Vec<TimelineEntry>,
    /// Whether there are earlier entries.
    pub earlier: bool,
    /// Its alerts, the newest first.
    pub alerts: Vec<Alert>,
    /// Whether there are more alerts than those.
    pub more_alerts: bool,
    /// Its escalations, the newest first.
    pub escalations: Vec<TimelineEscalation>,
    /// Whether there are more escalations than those.
    pub more_escalations: bool,
    people: BTreeMap<UserId, String>,
    keys: BTreeMap<ApiKeyId, String>,
    sources: BTreeMap<SourceId, String>,
}

impl IncidentTimeline {
    /// The name of a person.
    pub fn person(&self, id: UserId) -> &str {
        self.people.get(&id).map_or(LEFT, String::as_str)
    }

    /// The name of an alert source.
    pub fn source(&self, id: SourceId) -> &str {
        self.sources.get(&id).map_or("a deleted alert source", String::as_str)
    }

    /// The name of the person or system that caused an entry.
    pub fn who(&self, by: &Identity) -> &str {
        match by {
            Identity::User(id) => self.person(*id),
            Identity::ApiKey(id) => self.keys.get(id).map_or("an API key", String::as_str),
            Identity::System(part) => match part.strip_prefix("alert_source:").map(str::parse) {
                Some(Ok(id)) => self.source(id),
                Some(Err(_)) | None => "Firebell",
            },
        }
    }

    /// One of its alerts.
    pub fn alert(&self, id: AlertId) -> Option<&Alert> {
        self.alerts.iter().find(|alert| alert.id == id)
    }

    /// One of its escalations.
    pub fn escalation(&self, id: EscalationId) -> Option<&TimelineEscalation> {
        self.escalations.iter().find(|paging| paging.escalation.id == id)
    }
}

/// Loads the timeline of an incident.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all, fields(incident.id = %incident.id))]
pub async fn timeline(
    store: &Store,
    rules: &Snapshot,
    incident: Incident,
) -> Result<IncidentTimeline, AppError> {
    let (org, id) = (incident.org, incident.id);
    let (mut rows, joined, begun, choices) = tokio::try_join!(
        store.incident_history(org, id, None, MOST_STEPS + 1),
        store.attached_alerts(org, id, MOST_ALERTS + 1),
        store.attached_escalations(org, id, MOST_ESCALATIONS + 1),
        store.incident_choices(org),
    )?;
    let earlier = rows.len() > MOST_STEPS;
    rows.truncate(MOST_STEPS);

    let (alerts, more_alerts) = newest(incident.alert.into_iter().chain(joined), MOST_ALERTS);
    let alerts = alerts.into_iter().map(async |id| readable(store.alert_with_history(org, id).await));
    // An alert whose row exists but which does not belong to the incident is left out.
    let alerts: Vec<(Alert, Vec<History>)> = try_join_all(alerts).await?.into_iter().flatten().collect();
    let alerts: Vec<_> =
        alerts.into_iter().filter(|(alert, _)| alert.incident == Some(incident.id)).collect();

    let of_alerts = alerts.iter().flat_map(|(alert, _)| alert.escalations.iter().copied());
    let (escalations, more_escalations) = newest(of_alerts.chain(begun), MOST_ESCALATIONS);
    let escalations = escalations.into_iter().map(async |id| paging(store, rules, id).await);
    let escalations: Vec<TimelineEscalation> =
        try_join_all(escalations).await?.into_iter().flatten().collect();
    let escalations: Vec<TimelineEscalation> =
        escalations.into_iter().filter(|paging| paging.escalation.incident == Some(incident.id)).collect();

    let mut entries = Vec::new();
    if !earlier {
        entries.push(opened(&incident, &rows));
    }
    entries.extend(alerts.iter().flat_map(|(alert, history)| of_alert(alert, history)));
    entries.extend(escalations.iter().flat_map(of_escalation));
    entries.extend(rows.into_iter().rev().filter_map(of_incident));

    let mut story = IncidentTimeline {
        incident,
        choices,
        entries: ordered(entries),
        earlier,
        alerts: alerts.into_iter().map(|(alert, _)| alert).collect(),
        more_alerts,
        escalations,
        more_escalations,
        people: BTreeMap::new(),
        keys: BTreeMap::new(),
        sources: BTreeMap::new(),
    };
    name(store, rules, &mut story).await?;
    Ok(story)
}

/// The newest ids without duplicates, and whether there are more.
fn newest<T: Ord>(ids: impl IntoIterator<Item = T>, most: usize) -> (Vec<T>, bool) {
    let all: BTreeSet<T> = ids.into_iter().collect();
    let more = all.len() > most;
    (all.into_iter().rev().take(most).collect(), more)
}

/// Reads an escalation with its history and its levels.
async fn paging(
    store: &Store,
    rules: &Snapshot,
    id: EscalationId,
) -> Result<Option<TimelineEscalation>, AppError> {
    let told = readable(store.escalation_with_story(rules.org.id, id).await)?;
    let Some(told) = told else { return Ok(None) };
    let (levels, _) = rules.levels(&told.escalation.plan).await?;
    Ok(Some(TimelineEscalation { escalation: told.escalation, levels, history: told.history }))
}

/// The entry of the incident's opening.
fn opened(incident: &Incident, rows: &[History<ChangeNote>]) -> TimelineEntry {
    let began = incident.beginning(rows.iter().filter_map(|row| row.note.as_ref()));
    TimelineEntry {
        at: incident.created_at,
        by: Some(incident.creator.clone()),
        what: TimelineEvent::Opened(began),
    }
}

/// The entry of a row of the incident's history.
fn of_incident(row: History<ChangeNote>) -> Option<TimelineEntry> {
    let note = row.note?;
    let differences = note.differences();
    let message = note.message.filter(|message| !message.is_empty());
    let what = TimelineEvent::Changed { message, differences };
    Some(TimelineEntry { at: row.at, by: row.by.parse().ok(), what })
}

/// The entries of an alert: it fired and it was resolved.
fn of_alert(alert: &Alert, history: &[History]) -> Vec<TimelineEntry> {
    let entry = |row: &History| {
        let state = AlertState::named(&row.to)?;
        let moved = row.from.as_deref().and_then(AlertState::named) != Some(state);
        let what = TimelineEvent::Alert { alert: alert.id, state };
        moved.then(|| TimelineEntry { at: row.at, by: row.by.parse().ok(), what })
    };
    history.iter().filter_map(entry).collect()
}

/// The entries of an escalation, each with the level that was notified.
fn of_escalation(paging: &TimelineEscalation) -> Vec<TimelineEntry> {
    let mut paged: Option<u16> = None;
    let mut entries = Vec::new();
    for row in &paging.history {
        let Some(state) = EscalationState::named(&row.to) else { continue };
        let before = row.from.as_deref().and_then(EscalationState::named);
        let by_order = || match (paged, before) {
            (Some(level), Some(EscalationState::Triggered)) => level + 1,
            // A new cycle begins with the first level.
            (
                Some(_),
                Some(
                    EscalationState::Pending
                    | EscalationState::Acked
                    | EscalationState::Expired
                    | EscalationState::Resolved
                    | EscalationState::Cancelled,
                )
                | None,
            )
            | (None, _) => 0,
        };
        let notified = state == EscalationState::Triggered;
        let level = notified.then(|| notified_level(&row.why).unwrap_or_else(by_order));
        paged = level.or(paged);
        let escalation = paging.escalation.id;
        let what = TimelineEvent::Escalation { escalation, state, level, why: row.why.clone() };
        entries.push(TimelineEntry { at: row.at, by: row.by.parse().ok(), what });
    }
    entries
}

/// Looks up the names of the people, API keys and sources in a timeline.
async fn name(store: &Store, rules: &Snapshot, story: &mut IncidentTimeline) -> Result<(), AppError> {
    let mut people: BTreeSet<UserId> = story.incident.roles.values().copied().collect();
    let mut sources: BTreeSet<SourceId> = story.alerts.iter().map(|alert| alert.source).collect();
    let mut keys = BTreeSet::new();
    let levels = story.escalations.iter().flat_map(|paging| &paging.levels);
    people.extend(levels.flat_map(|level| &level.targets).map(|target| target.user));
    for by in story.entries.iter().filter_map(|entry| entry.by.as_ref()).chain([&story.incident.creator]) {
        if let Identity::ApiKey(id) = by {
            keys.insert(*id);
        }
    }
    for entry in &story.entries {
        people.extend(entry.by.as_ref().and_then(Identity::user));
        if let Some(Identity::System(part)) = &entry.by {
            let source = part.strip_prefix("alert_source:").map(str::parse::<SourceId>);
            sources.extend(source.and_then(Result::ok));
        }
        match &entry.what {
            TimelineEvent::Opened(began) => people.extend(began.roles.values()),
            TimelineEvent::Changed { differences, .. } => {
                for difference in differences {
                    if let FieldChange::Role(_, user) = difference {
                        people.extend(user.before.into_iter().chain(user.after));
                    }
                }
            }
            TimelineEvent::Alert { .. } | TimelineEvent::Escalation { .. } => {}
        }
    }
    for id in people {
        if let Some(user) = readable(rules.user(id).await)? {
            story.people.insert(id, user.name.clone());
        }
    }
    for id in keys.into_iter().take(MOST_KEYS) {
        if let Some(key) = readable(store.api_key(rules.org.id, id).await)? {
            story.keys.insert(id, format!("the API key “{}”", key.name));
        }
    }
    for id in sources {
        if let Some(source) = readable(rules.source(id).await)? {
            story.sources.insert(id, source.name.clone());
        }
    }
    Ok(())
}
