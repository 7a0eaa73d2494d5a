//! Does a job in attempts: claims it, does it, and marks the result.
//!
//! This is the only place that claims and marks. The [`Attempt`] of a kind of job does its work, and says how each
//! result is marked.

use std::future::Future;
use std::time::Duration;

use domain::Timestamp;
use domain::job::due::Scheduled;
use domain::job::lease::{Leased, Look};
use machine::{CommitError, Stateful, Transition};
use store::{Claimed, Commit, Record, Store};
use tokio::time::Instant;
use tracing::warn;

use crate::AppError;
use crate::error::whoever_was_first;

/// How often a mark is tried before the job is left to its lease.
const MARKS: u32 = 5;

/// The time, counted from the arrival of a message without reading the clock again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Elapsing {
    arrived: Timestamp,
    begun: Instant,
}

impl Elapsing {
    /// Begins now.
    pub(crate) fn from(now: Timestamp) -> Self {
        Self { arrived: now, begun: Instant::now() }
    }

    /// The time by now.
    pub(crate) fn now(&self) -> Timestamp {
        self.arrived + jiff::SignedDuration::try_from(self.begun.elapsed()).unwrap_or_default()
    }
}

/// The work of one kind of job.
pub(crate) trait Attempt: Sync {
    /// The item that is the job.
    type Item: Leased + Record + Send + Sync;
    /// The result of an attempt. A refusal of the other side is an outcome, not an error.
    type Outcome: Send + Sync;

    /// Does the work.
    ///
    /// # Errors
    /// [`AppError`] if our own side failed: the message comes again, and the item waits for the end of its lease.
    fn perform(
        &self,
        item: &Self::Item,
        now: Timestamp,
    ) -> impl Future<Output = Result<Self::Outcome, AppError>> + Send;

    /// The outcome if the work took longer than it may.
    fn late(&self) -> Self::Outcome;

    /// Everything that is written because of an outcome. `held` is the item as it is now, `claimed` as it was claimed:
    /// somebody may have changed it meanwhile.
    ///
    /// # Errors
    /// [`AppError`] if the mark cannot be made.
    fn mark(
        &self,
        held: &Self::Item,
        claimed: &Self::Item,
        outcome: &Self::Outcome,
        now: Timestamp,
    ) -> impl Future<Output = Result<Commit, AppError>> + Send;

    /// The end of a job whose fence does not hold any more.
    ///
    /// # Errors
    /// [`AppError`] if it has no such end.
    fn void(&self, item: &Self::Item, now: Timestamp) -> Result<Transition<Self::Item>, AppError>;
}

/// Says whether a job is to be done now; waits if it is due in a moment.
pub(crate) async fn is_due<M: Leased>(item: &M, time: &Elapsing) -> bool {
    let now = time.now();
    match item.look(now) {
        Look::Over | Look::TooEarly => false,
        Look::Wait(until) => {
            tokio::time::sleep(until.duration_since(now).unsigned_abs()).await;
            true
        }
        Look::Claim => true,
        Look::TakeOver => {
            let (machine, job) = (M::MACHINE, item.job().message());
            warn!(machine, %job, "took over a job whose lease had ended; it may be done twice");
            true
        }
    }
}

/// Does a job that is due, unless another worker holds it or its fence does not hold any more.
///
/// # Errors
/// [`AppError`] if the message must come again.
pub(crate) async fn attempt<A: Attempt>(
    store: &Store,
    attempt: &A,
    item: &A::Item,
    time: &Elapsing,
) -> Result<(), AppError> {
    let claim = match item.claim(time.now()) {
        Ok(claim) => claim,
        Err(illegal) => {
            store.illegal(&illegal);
            return Ok(());
        }
    };
    let claimed = claim.after().clone();
    match store.claim(claim).await? {
        Claimed::Theirs => return Ok(()),
        Claimed::Void => {
            let void = attempt.void(item, time.now())?;
            return whoever_was_first(store.commit(Commit::new().transition(void)).await);
        }
        Claimed::Ours => {}
    }
    let most = A::Item::LEASE.timeout.unsigned_abs();
    let outcome = match tokio::time::timeout(most, attempt.perform(&claimed, time.now())).await {
        Ok(outcome) => outcome?,
        Err(_) => attempt.late(),
    };
    mark(store, attempt, &claimed, &outcome, time.now()).await
}

/// Marks the result of an attempt. Marking is retried, because the work is done twice if its mark is lost.
async fn mark<A: Attempt>(
    store: &Store,
    attempt: &A,
    claimed: &A::Item,
    outcome: &A::Outcome,
    now: Timestamp,
) -> Result<(), AppError> {
    let (mut tries, mut held) = (1, claimed.clone());
    loop {
        let commit = attempt.mark(&held, claimed, outcome, now).await?;
        match store.commit(commit).await {
            Ok(()) => return Ok(()),
            Err(CommitError::Conflict) => {
                let ours = store.reload(claimed).await?.filter(|item| is_claim_of(item, claimed));
                let Some(ours) = ours.filter(|_| tries < MARKS) else {
                    let (machine, job) = (A::Item::MACHINE, claimed.job().message());
                    warn!(machine, %job, "another worker took over a job before its result was marked");
                    return Ok(());
                };
                held = ours;
            }
            Err(CommitError::Store(_)) if tries < MARKS => {
                tokio::time::sleep(Duration::from_millis(50 << tries)).await;
            }
            Err(error) => return Err(error.into()),
        }
        tries += 1;
    }
}

/// Says whether an item is still held under the same claim.
fn is_claim_of<M: Leased>(item: &M, claimed: &M) -> bool {
    item.head().state() == M::HELD && item.attempts().attempt == claimed.attempts().attempt
}
