//! Previews what a source's configuration would make of alerts: what they would say, and whom they would page. It reads,
//! and writes nothing.

use domain::access::Permission;
use domain::alert::{AlertEvent, AlertStatus, Body, ReceivedEvent, Routing};
use domain::escalation::PathRef;
use domain::id::{AlertId, EventId, PathId, RouteId, SourceId, UserId};
use domain::source::{IntakeRules, SourceKind, SourceState, Template};
use domain::{Actor, Timestamp};
use futures_util::future::try_join_all;
use machine::Stateful;
use serde_json::value::RawValue;
use sources::Kind;
use store::Store;
use tracing::instrument;

use super::again::kept;
use super::custom::{Arrived, meant};
use super::intake::{admits, let_through};
use super::open::decide_by;
use super::read::{Found, Read, body_by, payload_of};
use crate::rules::{Rules, Snapshot, readable};
use crate::{AppError, Random};

/// The most alerts that are previewed at once.
const MOST: usize = 20;

/// How many of the newest alerts are looked at for those of one source.
const MOST_LOOKED_AT: usize = 200;

/// How many of them are read at the same time.
const AT_ONCE: usize = 20;

/// The bytes of a payload that is tried out.
const PAYLOAD_BYTES: usize = sources::limits::EVENT_BYTES;

/// What is previewed.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The kind of source; that of the source that is there, if nothing is said.
    pub kind: Option<SourceKind>,
    /// Its template, as it would be.
    pub template: Template,
    /// What of its events would become alerts.
    pub intake: IntakeRules,
    /// The source, if it is there: its routes would take the alerts.
    pub source: Option<SourceId>,
    /// A delivery to try; else the last alerts of the source.
    pub payload: Option<Box<RawValue>>,
}

/// What would be made of an alert.
#[derive(Debug, Clone)]
pub struct Previewed {
    /// The alert, if it is one that there was.
    pub alert: Option<AlertId>,
    /// Whether it would begin or end.
    pub status: AlertStatus,
    /// Whether the filter would hold it back.
    pub filtered: bool,
    /// What it would say.
    pub body: Body,
    /// What would become of it; none if it ends.
    pub routing: Option<Routing>,
    /// The routes that would take it.
    pub routes: Vec<(RouteId, String)>,
    /// Whom it would page.
    pub notifications: Vec<WouldPage>,
    /// The name of the incident that it would open.
    pub incident: Option<String>,
}

/// An escalation that would begin.
#[derive(Debug, Clone)]
pub struct WouldPage {
    /// Its path, if it has one.
    pub path: Option<PathId>,
    /// The people of each level, in order.
    pub levels: Vec<Vec<(UserId, String)>>,
}

/// Previews alerts.
///
/// # Errors
/// [`AppError::Invalid`] naming what is wrong with the configuration or the payload, [`AppError::NotFound`] if there
/// is no such source.
#[instrument(skip_all, err)]
pub async fn preview(
    store: &Store,
    by: &Actor,
    trial: Trial,
    random: &Random,
    now: Timestamp,
) -> Result<Vec<Previewed>, AppError> {
    by.may(Permission::ConfigureOnCall)?;
    let (kind, draft) = kind_of(store, by, &trial).await?;
    crate::source::create::check("previewed", &kind, &trial.template)?;
    crate::source::create::check_intake(&kind, &trial.intake, &trial.template)?;
    crate::source::check_attributes(store, by.org(), &trial.template).await?;
    let rules = Rules::new(store.clone()).of(by.org()).await?;
    let source = trial.source.unwrap_or_else(|| SourceId::new(now, random()));
    let events = match (&trial.payload, trial.source) {
        (Some(payload), _) => of_payload(&kind, payload, now)?,
        (None, Some(source)) if draft => sample(store, by, source).await?,
        (None, Some(source)) => last(store, by, source).await?,
        (None, None) => {
            let reason = "set a payload, or the `alert_source_id` of a source that has alerts";
            return Err(AppError::invalid("payload", reason));
        }
    };
    let (found, intake) = (Found::Tried(Box::new(trial.template)), trial.intake);
    let mut previewed = Vec::new();
    for (alert, event) in events {
        let received = ReceivedEvent {
            org: by.org(),
            source,
            kind: kind.clone(),
            id: EventId::new(now, random()),
            received_at: now,
            event,
            asked_by: None,
        };
        previewed.push(one(&rules, (&found, &intake), alert, &received).await?);
    }
    Ok(previewed)
}

/// The kind of the source that is previewed, and whether it is a draft.
async fn kind_of(store: &Store, by: &Actor, trial: &Trial) -> Result<(SourceKind, bool), AppError> {
    let Some(id) = trial.source else {
        let kind = trial.kind.clone();
        let kind =
            kind.ok_or_else(|| AppError::invalid("source_type", "set the type of the alert source"))?;
        return Ok((kind, false));
    };
    let source = crate::source::find(store, by.org(), id).await?;
    if trial.kind.as_ref().is_some_and(|kind| *kind != source.kind) {
        return Err(AppError::invalid("source_type", "the type of an alert source cannot be changed"));
    }
    let draft = source.head().state() == SourceState::Draft;
    Ok((source.kind, draft))
}

/// What would be made of one alert.
async fn one(
    rules: &Snapshot,
    (found, intake): (&Found, &IntakeRules),
    alert: Option<AlertId>,
    received: &ReceivedEvent,
) -> Result<Previewed, AppError> {
    let Arrived { received, mut noted } = meant(found.template(), received);
    let status = received.event.status;
    let payload = payload_of(&received, &mut Vec::new());
    let filtered = match found.template().map(|template| admits((template, intake), &received, &payload)) {
        Some(Ok(admitted)) => status == AlertStatus::Firing && !admitted,
        Some(Err(problem)) => {
            noted.push(let_through(&problem));
            false
        }
        None => false,
    };
    if filtered || status == AlertStatus::Resolved {
        let Read { mut body, missing, .. } = body_by(rules, found, (&received, &noted)).await?;
        body.problems.extend(missing);
        let (routes, notifications) = (Vec::new(), Vec::new());
        return Ok(Previewed {
            alert,
            status,
            filtered,
            body,
            routing: None,
            routes,
            notifications,
            incident: None,
        });
    }
    let opening = decide_by(rules, found, (&received, &noted)).await?;
    let mut notifications = Vec::new();
    for (plan, _) in &opening.plans {
        notifications.push(would_page(rules, plan).await?);
    }
    let named = |id: &RouteId| {
        let route = rules.routes.iter().find(|route| route.id == *id)?;
        Some((*id, route.name.clone()))
    };
    Ok(Previewed {
        alert,
        status,
        filtered,
        routing: Some(opening.routing),
        routes: opening.routes.iter().filter_map(named).collect(),
        notifications,
        incident: opening.incident.map(|(name, _)| name),
        body: opening.body,
    })
}

/// Whom a plan would page.
async fn would_page(rules: &Snapshot, plan: &PathRef) -> Result<WouldPage, AppError> {
    let (levels, staff) = rules.levels(plan).await?;
    let path = match plan {
        PathRef::Path { id, .. } => Some(*id),
        PathRef::Users(_) | PathRef::Fallback => None,
    };
    let people = |target: &domain::escalation_path::Target| {
        Some((target.user, staff.users.get(&target.user)?.name.clone()))
    };
    let levels = levels.iter().map(|level| level.targets.iter().filter_map(people).collect());
    Ok(WouldPage { path, levels: levels.collect() })
}

/// The events that a source of this kind would read of a payload.
fn of_payload(
    kind: &SourceKind,
    payload: &RawValue,
    now: Timestamp,
) -> Result<Vec<(Option<AlertId>, AlertEvent)>, AppError> {
    let wrong = |reason: String| AppError::invalid("payload", reason);
    if payload.get().len() > PAYLOAD_BYTES {
        return Err(wrong(format!("the payload may have at most {PAYLOAD_BYTES} bytes")));
    }
    let kind =
        Kind::try_from(kind).map_err(|unknown| AppError::invalid("source_type", unknown.to_string()))?;
    let events = sources::preview_events(kind, payload.get().as_bytes(), now)
        .map_err(|error| wrong(error.to_string()))?;
    Ok(events.into_iter().take(MOST).map(|event| (None, event)).collect())
}

/// The last event that came to a draft, if one did.
async fn sample(
    store: &Store,
    by: &Actor,
    source: SourceId,
) -> Result<Vec<(Option<AlertId>, AlertEvent)>, AppError> {
    let sample = readable(store.sample(by.org(), source).await)?;
    Ok(sample.map(|sample| (None, sample.event)).into_iter().collect())
}

/// The last alerts of a source, as they were sent, among the newest of the organisation.
async fn last(
    store: &Store,
    by: &Actor,
    source: SourceId,
) -> Result<Vec<(Option<AlertId>, AlertEvent)>, AppError> {
    let listed = store.list_alerts(by.org(), None, MOST_LOOKED_AT).await?;
    let ids: Vec<AlertId> = listed.iter().filter_map(|listed| listed.id.parse().ok()).collect();
    let mut events = Vec::new();
    for ids in ids.chunks(AT_ONCE) {
        let read = try_join_all(ids.iter().map(|&id| as_sent(store, by, source, id))).await?;
        events.extend(read.into_iter().flatten());
        if events.len() >= MOST {
            events.truncate(MOST);
            break;
        }
    }
    Ok(events)
}

/// An alert of a source as it was sent; none if it is another's, or what was sent is no longer kept.
async fn as_sent(
    store: &Store,
    by: &Actor,
    source: SourceId,
    id: AlertId,
) -> Result<Option<(Option<AlertId>, AlertEvent)>, AppError> {
    let alert = readable(store.alert(by.org(), id).await)?;
    if alert.is_none_or(|alert| alert.source != source) {
        return Ok(None);
    }
    Ok(kept(store, by.org(), id).await?.map(|(_, event)| (Some(id), event)))
}
