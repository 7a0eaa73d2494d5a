//! Triggers a resolved alert again by hand.

use domain::access::Permission;
use domain::alert::{Alert, AlertState, AlertStatus, ReceivedEvent};
use domain::id::{AlertId, EventId};
use domain::message::Queue;
use domain::trace::Trace;
use domain::{Actor, Timestamp};
use jiff::SignedDuration;
use machine::Stateful;
use tracing::instrument;

use super::stored_event::event_of;
use super::{outgoing, seen};
use crate::worker::AlertRequest;
use crate::{AppError, Context};

/// The outcome of an event.
#[derive(Debug)]
pub enum Retriggered {
    /// This alert, or a newer one with the same key, is already firing.
    AlreadyFiring(Box<Alert>),
    /// The event was queued; it will open an alert with this id.
    AsAlert(AlertId),
}

/// Triggers an alert again, as a new episode of its key with the last event of its sender. Nothing changes if it is
/// firing.
///
/// The event is handled as one that a sender sent: it is routed by the current rules, and it is safe on the queue once
/// this returns. A second request before the event is handled is a repeat of the first.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such alert, [`AppError::Illegal`] if what was sent is no longer kept.
#[instrument(skip_all, fields(alert.id = %id))]
pub async fn retrigger(ctx: &Context, by: &Actor, id: AlertId) -> Result<Retriggered, AppError> {
    by.may(Permission::Respond)?;
    let (store, org) = (&ctx.store, by.org());
    let alert = seen::find(store, by, id).await?;
    if alert.head().state() == AlertState::Firing {
        return Ok(Retriggered::AlreadyFiring(Box::new(alert)));
    }
    let known = store.key(org, alert.source, &alert.key).await?;
    if let Some(row) = known.as_ref().filter(|row| row.status == AlertStatus::Firing)
        && let Some(now) = row.alert
        && let Some(goes_on) = store.alert(org, now).await?
    {
        return Ok(Retriggered::AlreadyFiring(Box::new(goes_on)));
    }
    let gone = || {
        AppError::Illegal(
            "the original event of this alert is no longer stored, or was too large to store".to_owned(),
        )
    };
    let body = store.alert_body(org, id).await?.ok_or_else(gone)?;
    let raw = store.alert_raw(org, id).await?.ok_or_else(gone)?;
    let event = event_of(&body, raw).ok_or_else(gone)?;
    // The time must be newer than every known event of the key, whatever the clock says.
    let newest = known.as_ref().map_or(Timestamp::UNIX_EPOCH, |row| row.at.max(row.received_at));
    let received_at = ctx.now().max(newest.saturating_add(SignedDuration::from_millis(1)).unwrap_or(newest));
    let version = known.as_ref().map_or(0, |row| row.version);
    let received = ReceivedEvent {
        org,
        source: alert.source,
        kind: alert.kind,
        id: EventId::derived(received_at, format_args!("again {id} {version}")),
        received_at,
        event,
        asked_by: Some(by.identity().clone()),
    };
    let next = AlertId::derived(received.received_at, received.id);
    let message = AlertRequest::Event(Box::new(received));
    let message = outgoing((org, alert.source), &Trace::begin(ctx.random()), message);
    ctx.queues.send(Queue::AlertHandle, vec![message]).await?;
    Ok(Retriggered::AsAlert(next))
}
