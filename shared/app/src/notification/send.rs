//! Sends one notification: claims it under its fence, sends it, marks the result.

use std::sync::Arc;

use domain::Timestamp;
use domain::job::lease::Leased;
use domain::notification::Notification;
use jiff::SignedDuration;
use machine::Transition;
use notify::{Channel, OutgoingNotification, Receipt, SendError};
use store::{Commit, Store};
use tracing::{instrument, warn};

use super::fallback_email::fallback_email;
use crate::AppError;
use crate::job::attempt::{Attempt, Elapsing, attempt, is_due};
use crate::link::{AcknowledgeLink, GOOD_FOR};
use crate::seal::{Seal, Unopened};
use crate::user::methods::open_secret;

/// What sending needs beside the store.
#[derive(Clone)]
pub struct Senders {
    /// The channels.
    pub channels: Vec<Arc<dyn Channel>>,
    /// The client for outside addresses at which subscriptions are confirmed.
    pub outside: egress::Client,
    /// Signs the links.
    pub seal: Arc<Seal>,
    /// The beginning of every link.
    pub public_url: String,
}

/// Sends a notification if it is still to be sent.
///
/// # Errors
/// [`AppError`] if the message must come again.
#[instrument(skip_all, fields(notification.key = notification.idempotency_key()))]
pub async fn send(
    store: &Store,
    senders: &Senders,
    notification: &Notification,
    now: Timestamp,
) -> Result<(), AppError> {
    let time = Elapsing::from(now);
    if is_due(notification, &time).await {
        attempt(store, &Sending { store, senders }, notification, &time).await?;
    }
    Ok(())
}

/// An attempt to send a notification.
struct Sending<'a> {
    store: &'a Store,
    senders: &'a Senders,
}

impl Attempt for Sending<'_> {
    type Item = Notification;
    type Outcome = Result<Receipt, SendError>;

    async fn perform(&self, notification: &Notification, now: Timestamp) -> Result<Self::Outcome, AppError> {
        let transient = |reason: &str, source| {
            let reason = reason.to_owned();
            Ok(Err(SendError::Transient { reason, source }))
        };
        let kind = notification.method_type;
        let Some(channel) = self.senders.channels.iter().find(|channel| channel.method_type() == kind) else {
            // A later version may have the channel: a notification that failed permanently would stay unsent.
            return transient("this installation has no such channel", None);
        };
        match outgoing(self.senders, notification, now) {
            Ok(outgoing) => Ok(channel.send(&outgoing).await),
            Err(unopened) => transient("the page cannot be signed", Some(unopened.into())),
        }
    }

    fn late(&self) -> Self::Outcome {
        Err(SendError::Transient { reason: "the provider did not answer in time".to_owned(), source: None })
    }

    async fn mark(
        &self,
        held: &Notification,
        _claimed: &Notification,
        outcome: &Self::Outcome,
        now: Timestamp,
    ) -> Result<Commit, AppError> {
        let error = match outcome {
            Ok(receipt) => {
                let delivered = held.delivered(receipt.as_str(), now)?;
                let message = receipt.message().cloned();
                return Ok(Commit::new().transition(delivered.with(|held| held.message = message)));
            }
            Err(error) => error,
        };
        let why = error.why();
        let for_good = match error {
            SendError::Permanent { .. } => true,
            SendError::Transient { .. } | SendError::Busy { .. } => false,
        };
        warn!(
            notification.key = held.idempotency_key(),
            reason = why,
            "{}",
            if for_good {
                "notification failed permanently"
            } else {
                "notification attempt failed, retrying"
            }
        );
        let mail = fallback_email(self.store, held, for_good, now).await?;
        let marked = if for_good {
            held.failed(&why, now)?
        } else {
            held.retry(&why, error.retry_after().map(asked_pause), now)?
        };
        Ok(Commit::new().transition(marked).transitions(mail))
    }

    fn void(&self, item: &Notification, now: Timestamp) -> Result<Transition<Notification>, AppError> {
        Ok(item.cancel("somebody answered", now)?)
    }
}

/// A pause that a provider asked for, in seconds.
fn asked_pause(seconds: u64) -> SignedDuration {
    SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// The message that the channel sends.
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
    Ok(OutgoingNotification::of(notification, secret, (senders.seal.installation(), acknowledge_url), now))
}
