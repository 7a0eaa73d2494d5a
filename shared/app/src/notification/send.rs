//! Sends one page: claim it under the fence, send it, mark what came of it.

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use domain::message::NotificationMessage;
use domain::notification::{Due, Notification};
use machine::{CommitError, Transition};
use notify::{Channel, OutgoingNotification, SendError};
use store::{Claimed, Commit, Store};
use tokio::time::Instant;
use tracing::{instrument, warn};

use super::fallback_email::fallback_email;
use crate::AppError;
use crate::error::whoever_was_first;
use crate::link::{AcknowledgeLink, GOOD_FOR};
use crate::seal::{Seal, Unopened};
use crate::user::methods::open_secret;

/// What sending needs beside the store.
#[derive(Clone)]
pub struct Senders {
    /// The channels.
    pub channels: Vec<Arc<dyn Channel>>,
    /// Asks addresses outside, for subscriptions that are to be confirmed.
    pub outside: egress::Client,
    /// Signs the links.
    pub seal: Arc<Seal>,
    /// What links begin with.
    pub public_url: String,
}

/// What came of a due page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// The provider took it.
    Delivered,
    /// The provider will never take it.
    Failed,
    /// It will be tried again.
    Again,
    /// Somebody answered before.
    Cancelled,
    /// Nothing was to be done.
    Nothing,
}

/// How often a mark is tried before the page is left to its lease.
const MARKS: u32 = 5;

/// Time as it goes on from `now`, without a clock.
struct Since {
    now: Timestamp,
    begun: Instant,
}

impl Since {
    fn now(&self) -> Timestamp {
        self.now + jiff::SignedDuration::try_from(self.begun.elapsed()).unwrap_or_default()
    }
}

/// Sends a page if it is still to be sent.
///
/// # Errors
/// [`AppError`] if the message must come again.
#[instrument(skip_all, err)]
pub async fn send(
    store: &Store,
    senders: &Senders,
    message: &NotificationMessage,
    now: Timestamp,
) -> Result<Sent, AppError> {
    let time = Since { now, begun: Instant::now() };
    let notification = match message {
        NotificationMessage::Due { notification } => Some((**notification).clone()),
        NotificationMessage::SignIn { id } => {
            crate::sign_in::send::send(store, senders, *id, now).await?;
            None
        }
        NotificationMessage::Subscribe { source, url } => {
            crate::source::confirm::confirm(&senders.outside, *source, url).await?;
            None
        }
        NotificationMessage::Check { org, escalation, notification } => {
            store.notification(*org, *escalation, notification).await?
        }
    };
    let Some(notification) = notification else { return Ok(Sent::Nothing) };
    let notification = match notification.due(now) {
        Due::Over | Due::TooEarly => return Ok(Sent::Nothing),
        Due::Send => notification,
        Due::Wait(until) => {
            tokio::time::sleep(until.duration_since(now).unsigned_abs()).await;
            notification
        }
        Due::TakeOver => {
            let back = notification.take_over(now)?;
            let notification = back.after().clone();
            warn!(
                notification.key = notification.idempotency_key(),
                "a claim was not kept; the page may be sent twice"
            );
            match store.mark(back).await {
                Ok(()) => notification,
                Err(CommitError::Conflict) => return Ok(Sent::Nothing),
                Err(error) => return Err(error.into()),
            }
        }
    };
    let claim = match notification.claim(time.now()) {
        Ok(claim) => claim,
        Err(illegal) => {
            store.illegal(&illegal);
            return Ok(Sent::Nothing);
        }
    };
    let claimed = claim.after().clone();
    match store.claim(claim).await? {
        Claimed::Theirs => Ok(Sent::Nothing),
        Claimed::Answered => cancel(store, &notification, time.now()).await,
        Claimed::Ours => deliver(store, senders, &claimed, &time).await,
    }
}

/// Calls a page off whose escalation was answered.
async fn cancel(store: &Store, notification: &Notification, now: Timestamp) -> Result<Sent, AppError> {
    match store.mark(notification.cancel("somebody answered", now)?).await {
        Ok(()) => Ok(Sent::Cancelled),
        Err(CommitError::Conflict) => Ok(Sent::Nothing),
        Err(error) => Err(error.into()),
    }
}

/// Sends a page that is ours, and marks what came of it.
async fn deliver(
    store: &Store,
    senders: &Senders,
    notification: &Notification,
    time: &Since,
) -> Result<Sent, AppError> {
    let channel = senders.channels.iter().find(|channel| channel.method_type() == notification.method_type);
    let sent = match (channel, outgoing(senders, notification, time.now())) {
        (Some(channel), Ok(outgoing)) => channel.send(&outgoing).await,
        (Some(_), Err(unopened)) => {
            let reason = "the page cannot be signed".to_owned();
            Err(SendError::Transient { reason, source: Some(unopened.into()) })
        }
        (None, _) => {
            // Not yet, or not in this version: a page that fails for ever would stay unsent once there is one.
            let reason = "this installation has no such channel".to_owned();
            Err(SendError::Transient { reason, source: None })
        }
    };
    let now = time.now();
    match sent {
        Ok(receipt) => {
            let delivered = |notification: &Notification| {
                let delivered = notification.delivered(receipt.as_str(), now)?;
                Ok(delivered.with(|notification| notification.message = receipt.message().cloned()))
            };
            persist(store, notification, delivered).await?;
            Ok(Sent::Delivered)
        }
        Err(error @ SendError::Permanent { .. }) => {
            let why = error.why();
            warn!(
                notification.key = notification.idempotency_key(),
                reason = why,
                "a page will never be delivered"
            );
            match fallback_email(store, notification, true, now).await? {
                Some(mail) => give_up(store, notification.failed(&why, now)?, mail).await?,
                None => {
                    persist(store, notification, |notification| {
                        notification.failed(&why, now).map_err(AppError::from)
                    })
                    .await?
                }
            }
            Ok(Sent::Failed)
        }
        Err(error @ (SendError::Transient { .. } | SendError::Busy { .. })) => {
            let why = error.why();
            warn!(
                notification.key = notification.idempotency_key(),
                reason = why,
                "a page was not taken; it is tried again"
            );
            let mail = fallback_email(store, notification, false, now).await?;
            let again = notification.again(&why, error.retry_after(), now)?;
            store.commit(Commit::new().transition(again).transitions(mail)).await?;
            Ok(Sent::Again)
        }
    }
}

/// Marks that a page will never be delivered, together with the mail that stands in for it.
async fn give_up(
    store: &Store,
    failed: Transition<Notification>,
    mail: Transition<Notification>,
) -> Result<(), AppError> {
    whoever_was_first(store.commit(Commit::new().transition(failed).transition(mail)).await)
}

/// Marks a page, again and again: a mark that is lost sends the page twice.
async fn persist(
    store: &Store,
    notification: &Notification,
    step: impl Fn(&Notification) -> Result<Transition<Notification>, AppError>,
) -> Result<(), AppError> {
    let mut tries = 1;
    loop {
        match store.mark(step(notification)?).await {
            Ok(()) => return Ok(()),
            Err(CommitError::Conflict) => {
                warn!(
                    notification.key = notification.idempotency_key(),
                    "somebody took over a page that was being sent"
                );
                return Ok(());
            }
            Err(CommitError::Store(_)) if tries < MARKS => {
                tokio::time::sleep(Duration::from_millis(50 << tries)).await;
                tries += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// What the channel sends.
fn outgoing(
    senders: &Senders,
    notification: &Notification,
    now: Timestamp,
) -> Result<OutgoingNotification, Unopened> {
    let open = |sealed: &String| open_secret(&senders.seal, notification.user, &notification.address, sealed);
    let secret = notification.secret.as_ref().map(open).transpose()?;
    let link = AcknowledgeLink {
        org: notification.org,
        escalation: notification.escalation,
        user: notification.user,
        until: now + GOOD_FOR,
    };
    let acknowledge_url = format!("{}/acknowledge/{}", senders.public_url, link.token(&senders.seal));
    Ok(OutgoingNotification::of(notification, secret, acknowledge_url, now))
}
