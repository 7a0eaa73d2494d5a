//! Previews how alerts would look and who would be notified under a changed source configuration. It writes nothing.

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

use super::intake::{admits, let_through};
use super::map_event::{MappedEvent, map_by};
use super::open::route;
use super::render::{RenderedAlert, SourceTemplate, body_by, payload_of};
use super::stored_event::stored_event;
use crate::rules::{Rules, Snapshot, readable};
use crate::{AppError, Random};

/// The most alerts that are previewed at once.
const MOST: usize = 20;

/// How many of the newest alerts are searched for alerts of the source.
const MOST_LOOKED_AT: usize = 200;

/// How many alerts are read at the same time.
const AT_ONCE: usize = 20;

/// The most bytes of a payload that is previewed.
const PAYLOAD_BYTES: usize = sources::limits::EVENT_BYTES;

/// A request for a preview.
#[derive(Debug, Clone)]
pub struct PreviewRequest {
    /// The kind of source; the existing source's kind if `None`.
    pub kind: Option<SourceKind>,
    /// The new template.
    pub template: Template,
    /// The new intake rules.
    pub intake: IntakeRules,
    /// The existing source, whose routes apply.
    pub source: Option<SourceId>,
    /// A payload to preview; the last alerts of the source if `None`.
    pub payload: Option<Box<RawValue>>,
}

/// The preview of one alert.
#[derive(Debug, Clone)]
pub struct AlertPreview {
    /// The alert, if the event belongs to an existing one.
    pub alert: Option<AlertId>,
    /// Whether the event fires or resolves the alert.
    pub status: AlertStatus,
    /// Whether the filter would reject the event.
    pub filtered: bool,
    /// The body that the alert would have.
    pub body: Body,
    /// The outcome of its routing; `None` if the event resolves the alert.
    pub routing: Option<Routing>,
    /// The routes that would match.
    pub routes: Vec<(RouteId, String)>,
    /// The escalations that would start.
    pub notifications: Vec<PreviewedEscalation>,
    /// The name of the incident that it would open.
    pub incident: Option<String>,
}

/// An escalation that would start.
#[derive(Debug, Clone)]
pub struct PreviewedEscalation {
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
#[instrument(skip_all)]
pub async fn preview(
    store: &Store,
    by: &Actor,
    request: PreviewRequest,
    random: &Random,
    now: Timestamp,
) -> Result<Vec<AlertPreview>, AppError> {
    by.may(Permission::ConfigureOnCall)?;
    let (kind, draft) = kind_of(store, by, &request).await?;
    crate::source::create::check("previewed", &kind, &request.template)?;
    crate::source::create::check_intake(&kind, &request.intake, &request.template)?;
    crate::source::check_attributes(store, by.org(), &request.template).await?;
    let rules = Rules::new(store.clone()).of(by.org()).await?;
    let source = request.source.unwrap_or_else(|| SourceId::new(now, random()));
    let events = match (&request.payload, request.source) {
        (Some(payload), _) => of_payload(&kind, payload, now)?,
        (None, Some(source)) if draft => sample(store, by, source).await?,
        (None, Some(source)) => last(store, by, source).await?,
        (None, None) => {
            let reason = "set a payload, or the `alert_source_id` of a source that has alerts";
            return Err(AppError::invalid("payload", reason));
        }
    };
    let (found, intake) = (SourceTemplate::Given(Box::new(request.template)), request.intake);
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
        previewed.push(preview_one(&rules, (&found, &intake), alert, &received).await?);
    }
    Ok(previewed)
}

/// The kind of the source that is previewed, and whether it is a draft.
async fn kind_of(
    store: &Store,
    by: &Actor,
    request: &PreviewRequest,
) -> Result<(SourceKind, bool), AppError> {
    let Some(id) = request.source else {
        let kind = request.kind.clone();
        let kind =
            kind.ok_or_else(|| AppError::invalid("source_type", "set the type of the alert source"))?;
        return Ok((kind, false));
    };
    let source = crate::source::find(store, by.org(), id).await?;
    if request.kind.as_ref().is_some_and(|kind| *kind != source.kind) {
        return Err(AppError::invalid("source_type", "the type of an alert source cannot be changed"));
    }
    let draft = source.head().state() == SourceState::Draft;
    Ok((source.kind, draft))
}

/// Previews one alert.
async fn preview_one(
    rules: &Snapshot,
    (found, intake): (&SourceTemplate, &IntakeRules),
    alert: Option<AlertId>,
    received: &ReceivedEvent,
) -> Result<AlertPreview, AppError> {
    let MappedEvent { received, mut problems } = map_by(found.template(), received);
    let status = received.event.status;
    let payload = payload_of(&received, &mut Vec::new());
    let filtered = match found.template().map(|template| admits((template, intake), &received, &payload)) {
        Some(Ok(admitted)) => status == AlertStatus::Firing && !admitted,
        Some(Err(problem)) => {
            problems.push(let_through(&problem));
            false
        }
        None => false,
    };
    if filtered || status == AlertStatus::Resolved {
        let RenderedAlert { mut body, missing, .. } = body_by(rules, found, (&received, &problems)).await?;
        body.problems.extend(missing);
        let (routes, notifications) = (Vec::new(), Vec::new());
        return Ok(AlertPreview {
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
    let routed = route(rules, found, (&received, &problems)).await?;
    let mut notifications = Vec::new();
    for (plan, _) in &routed.plans {
        notifications.push(would_page(rules, plan).await?);
    }
    let named = |id: &RouteId| {
        let route = rules.routes.iter().find(|route| route.id == *id)?;
        Some((*id, route.name.clone()))
    };
    Ok(AlertPreview {
        alert,
        status,
        filtered,
        routing: Some(routed.routing),
        routes: routed.routes.iter().filter_map(named).collect(),
        notifications,
        incident: routed.incident.map(|(name, _)| name),
        body: routed.body,
    })
}

/// The people whom a path would notify.
async fn would_page(rules: &Snapshot, plan: &PathRef) -> Result<PreviewedEscalation, AppError> {
    let (levels, staff) = rules.levels(plan).await?;
    let path = match plan {
        PathRef::Path { id, .. } => Some(*id),
        PathRef::Users(_) | PathRef::Fallback => None,
    };
    let people = |target: &domain::escalation_path::Target| {
        Some((target.user, staff.users.get(&target.user)?.name.clone()))
    };
    let levels = levels.iter().map(|level| level.targets.iter().filter_map(people).collect());
    Ok(PreviewedEscalation { path, levels: levels.collect() })
}

/// The events that a source of this kind parses from a payload.
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

/// The last event that a draft source received, if any.
async fn sample(
    store: &Store,
    by: &Actor,
    source: SourceId,
) -> Result<Vec<(Option<AlertId>, AlertEvent)>, AppError> {
    let sample = readable(store.sample(by.org(), source).await)?;
    Ok(sample.map(|sample| (None, sample.event)).into_iter().collect())
}

/// The original events of a source's last alerts, among the newest alerts of the organisation.
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

/// The original event of an alert; `None` if the alert belongs to another source, or its event is no longer stored.
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
    Ok(stored_event(store, by.org(), id).await?.map(|(_, event)| (Some(id), event)))
}
