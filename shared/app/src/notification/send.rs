//! Sends one page: claim it under the fence, send it, mark what came of it.

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use domain::message::NotificationMessage;
use domain::page::{Due, Page};
use machine::{CommitError, Transition};
use notify::{Channel, Outgoing, SendError};
use store::{Claimed, Commit, Store};
use tokio::time::Instant;
use tracing::{instrument, warn};

use super::stand_in::stand_in;
use crate::AppError;
use crate::error::whoever_was_first;
use crate::link::{AcknowledgeLink, GOOD_FOR};
use crate::seal::{Seal, Unopened};
use crate::user::reach::open_secret;

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
    let page = match message {
        NotificationMessage::Due { page } => Some((**page).clone()),
        NotificationMessage::SignIn { id } => {
            crate::sign_in::send::send(store, senders, *id, now).await?;
            None
        }
        NotificationMessage::Subscribe { source, url } => {
            crate::source::confirm::confirm(&senders.outside, *source, url).await?;
            None
        }
        NotificationMessage::Check { org, escalation, page } => store.page(*org, *escalation, page).await?,
    };
    let Some(page) = page else { return Ok(Sent::Nothing) };
    let page = match page.due(now) {
        Due::Over | Due::TooEarly => return Ok(Sent::Nothing),
        Due::Send => page,
        Due::Wait(until) => {
            tokio::time::sleep(until.duration_since(now).unsigned_abs()).await;
            page
        }
        Due::TakeOver => {
            let back = page.take_over(now)?;
            let page = back.after().clone();
            warn!(page.key = page.idempotency_key(), "a claim was not kept; the page may be sent twice");
            match store.mark(back).await {
                Ok(()) => page,
                Err(CommitError::Conflict) => return Ok(Sent::Nothing),
                Err(error) => return Err(error.into()),
            }
        }
    };
    let claim = match page.claim(time.now()) {
        Ok(claim) => claim,
        Err(illegal) => {
            store.illegal(&illegal);
            return Ok(Sent::Nothing);
        }
    };
    let claimed = claim.after().clone();
    match store.claim(claim).await? {
        Claimed::Theirs => Ok(Sent::Nothing),
        Claimed::Answered => cancel(store, &page, time.now()).await,
        Claimed::Ours => deliver(store, senders, &claimed, &time).await,
    }
}

/// Calls a page off whose escalation was answered.
async fn cancel(store: &Store, page: &Page, now: Timestamp) -> Result<Sent, AppError> {
    match store.mark(page.cancel("somebody answered", now)?).await {
        Ok(()) => Ok(Sent::Cancelled),
        Err(CommitError::Conflict) => Ok(Sent::Nothing),
        Err(error) => Err(error.into()),
    }
}

/// Sends a page that is ours, and marks what came of it.
async fn deliver(store: &Store, senders: &Senders, page: &Page, time: &Since) -> Result<Sent, AppError> {
    let channel = senders.channels.iter().find(|channel| channel.method_type() == page.method_type);
    let sent = match (channel, outgoing(senders, page, time.now())) {
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
            let delivered = |page: &Page| {
                let delivered = page.delivered(receipt.as_str(), now)?;
                Ok(delivered.with(|page| page.message = receipt.message().cloned()))
            };
            persist(store, page, delivered).await?;
            Ok(Sent::Delivered)
        }
        Err(error @ SendError::Permanent { .. }) => {
            let why = error.why();
            warn!(page.key = page.idempotency_key(), reason = why, "a page will never be delivered");
            match stand_in(store, page, true, now).await? {
                Some(mail) => give_up(store, page.failed(&why, now)?, mail).await?,
                None => persist(store, page, |page| page.failed(&why, now).map_err(AppError::from)).await?,
            }
            Ok(Sent::Failed)
        }
        Err(error @ (SendError::Transient { .. } | SendError::Busy { .. })) => {
            let why = error.why();
            warn!(page.key = page.idempotency_key(), reason = why, "a page was not taken; it is tried again");
            let mail = stand_in(store, page, false, now).await?;
            let again = page.again(&why, error.asked(), now)?;
            store.commit(Commit::new().transition(again).transitions(mail)).await?;
            Ok(Sent::Again)
        }
    }
}

/// Marks that a page will never be delivered, together with the mail that stands in for it.
async fn give_up(store: &Store, failed: Transition<Page>, mail: Transition<Page>) -> Result<(), AppError> {
    whoever_was_first(store.commit(Commit::new().transition(failed).transition(mail)).await)
}

/// Marks a page, again and again: a mark that is lost sends the page twice.
async fn persist(
    store: &Store,
    page: &Page,
    step: impl Fn(&Page) -> Result<Transition<Page>, AppError>,
) -> Result<(), AppError> {
    let mut tries = 1;
    loop {
        match store.mark(step(page)?).await {
            Ok(()) => return Ok(()),
            Err(CommitError::Conflict) => {
                warn!(page.key = page.idempotency_key(), "somebody took over a page that was being sent");
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
fn outgoing(senders: &Senders, page: &Page, now: Timestamp) -> Result<Outgoing, Unopened> {
    let open = |sealed: &String| open_secret(&senders.seal, page.user, &page.address, sealed);
    let secret = page.secret.as_ref().map(open).transpose()?;
    let link = AcknowledgeLink {
        org: page.org,
        escalation: page.escalation,
        user: page.user,
        until: now + GOOD_FOR,
    };
    let acknowledge_url = format!("{}/acknowledge/{}", senders.public_url, link.token(&senders.seal));
    Ok(Outgoing::of(page, secret, acknowledge_url, now))
}
