//! What an alert that there is would say of its attributes, by its source's configuration of now.

use domain::alert::attribute::AlertAttribute;
use domain::alert::{Alert, AlertEvent, AlertStatus, Body, ReceivedEvent};
use domain::id::{AlertId, EventId, OrgId};
use serde_json::value::RawValue;
use store::Store;

use super::custom::{Arrived, meant};
use super::read::{body_by, template_of};
use crate::AppError;
use crate::rules::{Snapshot, readable};

/// The event of an alert, by what is kept of it; none if its payload was cut.
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

/// What an alert says, and its event as it was sent; none if that is no longer kept, or cannot be read.
pub(super) async fn kept(
    store: &Store,
    org: OrgId,
    id: AlertId,
) -> Result<Option<(Body, AlertEvent)>, AppError> {
    let Some(body) = readable(store.alert_body(org, id).await)? else { return Ok(None) };
    let Some(raw) = readable(store.alert_raw(org, id).await)? else { return Ok(None) };
    Ok(event_of(&body, raw).map(|event| (body, event)))
}

/// What an alert says, and what its attributes would say now; none if what was sent is no longer kept.
pub(crate) async fn attributes(
    store: &Store,
    rules: &Snapshot,
    alert: &Alert,
) -> Result<Option<(Body, Vec<AlertAttribute>)>, AppError> {
    let Some((body, event)) = kept(store, alert.org, alert.id).await? else { return Ok(None) };
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
    let Arrived { received, noted } = meant(template.template(), &received);
    let read = body_by(rules, &template, (&received, &noted)).await?;
    Ok(Some((body, read.body.attributes)))
}
