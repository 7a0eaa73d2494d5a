//! Has an alert that is over fire again by hand.

use domain::access::Permission;
use domain::alert::{Alert, AlertState, AlertStatus, ReceivedEvent};
use domain::id::{AlertId, EventId};
use domain::message::Queue;
use domain::trace::Trace;
use domain::{Actor, Timestamp};
use jiff::SignedDuration;
use machine::Stateful;
use tracing::instrument;

use super::again::event_of;
use super::{outgoing, seen};
use crate::worker::AlertRequest;
use crate::{AppError, Context};

/// What came of it.
#[derive(Debug)]
pub enum Again {
    /// The alert, or another of its key, fires already.
    Fires(Box<Alert>),
    /// It fires again as this alert, which is there once its event is handled.
    As(AlertId),
}

/// Has an alert fire again, as a new episode of its key with what its sender sent last; nothing changes if it fires.
///
/// The event takes the way of those that senders send: routed by today's rules, paged, and safe on the queue once this
/// returns. Asked for twice before it is handled, the second one is a repeat of the first.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such alert, [`AppError::Illegal`] if what was sent is no longer kept.
#[instrument(skip_all, fields(alert.id = %id), err)]
pub async fn retrigger(ctx: &Context, by: &Actor, id: AlertId) -> Result<Again, AppError> {
    by.may(Permission::Respond)?;
    let (store, org) = (&ctx.store, by.org());
    let alert = seen::find(store, by, id).await?;
    if alert.head().state() == AlertState::Firing {
        return Ok(Again::Fires(Box::new(alert)));
    }
    let known = store.key(org, alert.source, &alert.key).await?;
    if let Some(row) = known.as_ref().filter(|row| row.status == AlertStatus::Firing)
        && let Some(now) = row.alert
        && let Some(goes_on) = store.alert(org, now).await?
    {
        return Ok(Again::Fires(Box::new(goes_on)));
    }
    let gone = || {
        AppError::Illegal(
            "the original event of this alert is no longer stored, or was too large to store".to_owned(),
        )
    };
    let body = store.alert_body(org, id).await?.ok_or_else(gone)?;
    let raw = store.alert_raw(org, id).await?.ok_or_else(gone)?;
    let event = event_of(&body, raw).ok_or_else(gone)?;
    // Whatever this clock says: it is newer than all that is known.
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
    Ok(Again::As(next))
}
