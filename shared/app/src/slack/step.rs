//! Does one step that is owed to Slack: claim it, do it, mark what came of it.

use std::time::Duration;

use domain::Timestamp;
use domain::id::OrgId;
use domain::notification::Due;
use domain::slack::step::NewStep;
use domain::slack::{ChannelId, Kept, Step, StepId, StepState, Thread, Work};
use jiff::SignedDuration;
use machine::{CommitError, Stateful, Transition};
use slack::CallError;
use store::Commit;
use tokio::time::Instant;
use tracing::{instrument, warn};

use super::{SlackRequestContext, SlackServices};
use crate::AppError;

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// It is done.
    Done,
    /// Slack will not take it.
    Failed,
    /// It is tried again.
    Again,
    /// Nothing was to be done any more.
    Obsolete,
    /// Nothing was to be done now.
    Nothing,
}

/// What doing a step has come to.
pub(super) enum Came {
    /// It is done: what is kept, and why.
    Done(Kept, String),
    /// The incident has a channel from now on.
    Channel(ChannelId, String),
    /// Nothing is to be done any more.
    Obsolete(&'static str),
    /// A part is done; the rest is done in a while.
    Again {
        /// What is kept.
        kept: Kept,
        /// What is missing.
        reason: &'static str,
        /// How long Slack asks to be left alone.
        retry_after: Option<SignedDuration>,
    },
}

/// Why a step could not be done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// Slack's answer.
    #[error(transparent)]
    Slack(#[from] CallError),
    /// Our own failure.
    #[error(transparent)]
    App(#[from] AppError),
}

impl From<super::person::LookupError> for Trouble {
    fn from(unknown: super::person::LookupError) -> Self {
        match unknown {
            super::person::LookupError::Slack(error) => Self::Slack(error),
            super::person::LookupError::App(error) => Self::App(error),
        }
    }
}

impl From<store::StoreError> for Trouble {
    fn from(error: store::StoreError) -> Self {
        Self::App(error.into())
    }
}

/// How often a mark is tried before the step is left to its lease.
const MARKS: u32 = 5;
/// How long the calls of one step may take: half the lease.
const PATIENCE: Duration = Duration::from_secs(18);

/// Does a step if it is still to be done.
///
/// # Errors
/// [`AppError`] if the message must come again.
#[instrument(skip_all, fields(slack.step = %id), err)]
pub async fn step(
    desk: &SlackServices,
    org: OrgId,
    (thread, id): (&Thread, &StepId),
    now: Timestamp,
) -> Result<Did, AppError> {
    let begun = Instant::now();
    let time = || now + SignedDuration::try_from(begun.elapsed()).unwrap_or_default();
    let store = &desk.store;
    let Some(step) = store.slack_step(org, thread, id).await? else { return Ok(Did::Nothing) };
    let step = match step.due(now) {
        Due::Over | Due::TooEarly => return Ok(Did::Nothing),
        Due::Send => step,
        Due::Wait(until) => {
            tokio::time::sleep(until.duration_since(now).unsigned_abs()).await;
            step
        }
        Due::TakeOver => {
            warn!(slack.step = step.mark(), "a claim was not kept; the step may be done twice");
            let back = step.take_over(now)?;
            let step = back.after().clone();
            match store.mark(back).await {
                Ok(()) => step,
                Err(CommitError::Conflict) => return Ok(Did::Nothing),
                Err(error) => return Err(error.into()),
            }
        }
    };
    let rules = desk.rules.of(org).await?;
    let Some(connection) = desk.connection(&rules.org)? else {
        let gone = step.obsolete("no workspace is connected", time())?;
        return marked(store.mark(gone).await, Did::Obsolete);
    };
    let room = SlackRequestContext { desk, org, rules, connection, trace: &step.trace, now: time() };
    if step.work == Work::Follow {
        return room.follow(&step).await;
    }
    let claim = step.claim(time())?;
    let claimed = claim.after().clone();
    match store.mark(claim).await {
        Ok(()) => {}
        Err(CommitError::Conflict) => return Ok(Did::Nothing),
        Err(error) => return Err(error.into()),
    }
    let came = match tokio::time::timeout(PATIENCE, room.perform(&claimed)).await {
        Ok(came) => came,
        Err(_) => Err(CallError::unreachable("slack did not answer in time").into()),
    };
    room.settle(&claimed, came, time()).await
}

/// A mark that another was faster with is no failure.
fn marked(done: Result<(), CommitError>, did: Did) -> Result<Did, AppError> {
    match done {
        Ok(()) => Ok(did),
        Err(CommitError::Conflict) => Ok(Did::Nothing),
        Err(error) => Err(error.into()),
    }
}

impl SlackRequestContext<'_> {
    /// Marks what came of a step that is ours.
    async fn settle(
        &self,
        step: &Step,
        came: Result<Came, Trouble>,
        now: Timestamp,
    ) -> Result<Did, AppError> {
        let plain = |commit: Commit| commit;
        match came {
            Ok(Came::Done(kept, why)) => {
                self.persist(step, plain, &kept, |step| Ok(step.done(kept.clone(), &why, now)?)).await?;
                Ok(Did::Done)
            }
            Ok(Came::Channel(channel, why)) => {
                let kept = Kept { channel: Some(channel.clone()), ..step.kept.clone() };
                // What waited for the channel is owed now.
                let with = |commit: Commit| match step.incident {
                    Some(id) => commit.slack_channel(self.org, &channel, id).transition(
                        NewStep::of(id, format_args!("follow-channel-{channel}"), Work::Follow).open(
                            self.org,
                            &step.trace,
                            now,
                        ),
                    ),
                    None => commit,
                };
                self.persist(step, with, &kept, |step| Ok(step.done(kept.clone(), &why, now)?)).await?;
                Ok(Did::Done)
            }
            Ok(Came::Again { kept, reason, .. }) if step.is_given_up(now) => {
                self.persist(step, plain, &kept, |step| Ok(step.failed(reason, now)?)).await?;
                Ok(Did::Failed)
            }
            Ok(Came::Again { kept, reason, retry_after }) => {
                let again = |step: &Step| {
                    let again = step.again(reason, retry_after, now)?;
                    Ok(again.with(|step| step.kept = kept.clone()))
                };
                self.persist(step, plain, &kept, again).await?;
                Ok(Did::Again)
            }
            Ok(Came::Obsolete(why)) => {
                self.persist(step, plain, &step.kept, |step| Ok(step.obsolete(why, now)?)).await?;
                Ok(Did::Obsolete)
            }
            Err(Trouble::Slack(CallError::Refused(word))) => {
                warn!(slack.step = step.mark(), reason = word, "slack will not take a step");
                let workspace = &self.connection.workspace;
                if slack::is_cut_off(&word) && workspace.refused.is_none() {
                    super::connect::refused(&self.desk.store, self.org, (workspace, &word), now).await?;
                }
                self.persist(step, plain, &step.kept, |step| Ok(step.failed(&word, now)?)).await?;
                Ok(Did::Failed)
            }
            Err(Trouble::Slack(CallError::Later { reason, .. })) if step.is_given_up(now) => {
                warn!(slack.step = step.mark(), reason, "slack was asked for too long; a step is given up");
                self.persist(step, plain, &step.kept, |step| Ok(step.failed(&reason, now)?)).await?;
                Ok(Did::Failed)
            }
            Err(Trouble::Slack(CallError::Later { reason, retry_after })) => {
                warn!(slack.step = step.mark(), reason, "slack did not take a step; it is tried again");
                let again = |step: &Step| Ok(step.again(&reason, retry_after, now)?);
                self.persist(step, plain, &step.kept, again).await?;
                Ok(Did::Again)
            }
            Err(Trouble::App(error)) => Err(error),
        }
    }

    /// Marks a step, again and again: a mark that is lost does it twice.
    ///
    /// If it was asked for anew meanwhile, what was read for it may be old: it is put back with what came of it.
    async fn persist(
        &self,
        claimed: &Step,
        with: impl Fn(Commit) -> Commit,
        kept: &Kept,
        mark: impl Fn(&Step) -> Result<Transition<Step>, AppError>,
    ) -> Result<(), AppError> {
        let (mut tries, mut step) = (1, claimed.clone());
        loop {
            let marked = if step.wanted == claimed.wanted {
                mark(&step)?
            } else {
                step.once_more(kept.clone(), self.now)?
            };
            match self.desk.store.commit(with(Commit::new()).transition(marked)).await {
                Ok(()) => return Ok(()),
                Err(CommitError::Conflict) => {
                    let there = self.desk.store.slack_step(self.org, &step.thread, &step.id).await?;
                    let ours = there.filter(|there| {
                        there.head().state() == StepState::Doing && there.attempt == claimed.attempt
                    });
                    let Some(ours) = ours.filter(|_| tries < MARKS) else {
                        warn!(slack.step = step.mark(), "somebody took over a step that was being done");
                        return Ok(());
                    };
                    step = ours;
                }
                Err(CommitError::Store(_)) if tries < MARKS => {
                    tokio::time::sleep(Duration::from_millis(50 << tries)).await;
                }
                Err(error) => return Err(error.into()),
            }
            tries += 1;
        }
    }
}
