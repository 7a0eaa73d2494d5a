//! Rebuilds the original event of a stored alert, and its attributes under the current configuration of its source.

use domain::alert::attribute::AlertAttribute;
use domain::alert::{Alert, AlertEvent, AlertStatus, Body, ReceivedEvent};
use domain::id::{AlertId, EventId, OrgId};
use serde_json::value::RawValue;
use store::Store;

use super::map_event::{MappedEvent, map_by};
use super::render::{body_by, template_of};
use crate::AppError;
use crate::rules::{Snapshot, readable};

/// The event of an alert, from its stored body and payload; `None` if the payload was cut.
pub(super) fn event_of(body: &Body, raw: String) -> Option<AlertEvent> {
    let sent = body.sent();
    Some(AlertEvent {
        status: AlertStatus::Firing,
        deduplication_key: body.deduplication_key.clone(),
        title: sent.title,
        description: sent.description,
        source_url: body.source_url.clone(),
        priority: sent.priority,
        occurred_at: None,
        began_at: None,
        holds_s: None,
        payload: RawValue::from_string(raw).ok()?,
    })
}

/// The body of an alert and its original event; `None` if they are no longer stored or cannot be read.
pub(super) async fn stored_event(
    store: &Store,
    org: OrgId,
    id: AlertId,
) -> Result<Option<(Body, AlertEvent)>, AppError> {
    let Some(body) = readable(store.alert_body(org, id).await)? else { return Ok(None) };
    let Some(raw) = readable(store.alert_raw(org, id).await)? else { return Ok(None) };
    Ok(event_of(&body, raw).map(|event| (body, event)))
}

/// The body of an alert, and its attributes under the current configuration; `None` if the original event is no longer
/// stored.
pub(crate) async fn attributes(
    store: &Store,
    rules: &Snapshot,
    alert: &Alert,
) -> Result<Option<(Body, Vec<AlertAttribute>)>, AppError> {
    let Some((body, event)) = stored_event(store, alert.org, alert.id).await? else { return Ok(None) };
    let received = ReceivedEvent {
        org: alert.org,
        source: alert.source,
        kind: alert.kind.clone(),
        id: EventId::new(alert.created_at, 0),
        received_at: body.updated_at,
        event,
        asked_by: None,
    };
    let template = template_of(rules, alert.source).await?;
    let MappedEvent { received, problems } = map_by(template.template(), &received);
    let read = body_by(rules, &template, (&received, &problems)).await?;
    Ok(Some((body, read.body.attributes)))
}
