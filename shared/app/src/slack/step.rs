//! Does one step in Slack: claims it, does it, marks the result.

use domain::Timestamp;
use domain::id::OrgId;
use domain::job::lease::Leased;
use domain::slack::step::NewStep;
use domain::slack::{ChannelId, Kept, Step, StepId, Thread, Work};
use jiff::SignedDuration;
use machine::Transition;
use slack::CallError;
use store::Commit;
use tracing::{instrument, warn};

use super::{SlackRequestContext, SlackServices};
use crate::AppError;
use crate::error::whoever_was_first;
use crate::job::attempt::{Attempt, Elapsing, attempt, is_due};

/// The result of doing a step.
pub(crate) enum Came {
    /// It is done: its results, and what was done.
    Done(Kept, String),
    /// The incident has a channel from now on.
    Channel(ChannelId, String),
    /// Nothing is to be done any more.
    Obsolete(&'static str),
    /// A part is done; the rest is done later.
    Again {
        /// The results so far.
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
    /// Slack refused, or did not answer.
    #[error(transparent)]
    Slack(#[from] CallError),
    /// Our own side failed.
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

/// Does a step if it is still to be done.
///
/// # Errors
/// [`AppError`] if the message must come again.
#[instrument(skip_all, fields(slack.step = %id))]
pub async fn step(
    services: &SlackServices,
    org: OrgId,
    (thread, id): (&Thread, &StepId),
    now: Timestamp,
) -> Result<(), AppError> {
    let time = Elapsing::from(now);
    let store = &services.store;
    let Some(step) = store.slack_step(org, thread, id).await? else { return Ok(()) };
    if !is_due(&step, &time).await {
        return Ok(());
    }
    let rules = services.rules.of(org).await?;
    let Some(connection) = services.connection(&rules.org)? else {
        let gone = step.obsolete("no workspace is connected", time.now())?;
        return whoever_was_first(store.commit(Commit::new().transition(gone)).await);
    };
    let room = SlackRequestContext { services, org, rules, connection, trace: &step.trace, now: time.now() };
    if step.work == Work::Follow {
        // It writes down other steps, and its write is its whole effect: it needs no lease.
        return room.follow(&step).await;
    }
    attempt(store, &room, &step, &time).await
}

impl Attempt for SlackRequestContext<'_> {
    type Item = Step;
    type Outcome = Result<Came, CallError>;

    async fn perform(&self, step: &Step, now: Timestamp) -> Result<Self::Outcome, AppError> {
        let error = match self.work_on(step).await {
            Ok(came) => return Ok(Ok(came)),
            Err(Trouble::App(error)) => return Err(error),
            Err(Trouble::Slack(error)) => error,
        };
        if let CallError::Refused(word) = &error {
            let workspace = &self.connection.workspace;
            if slack::is_cut_off(word) && workspace.refused.is_none() {
                super::connect::refused(&self.services.store, self.org, (workspace, word), now).await?;
            }
        }
        Ok(Err(error))
    }

    fn late(&self) -> Self::Outcome {
        Err(CallError::unreachable("slack did not answer in time"))
    }

    /// If the step was asked for again meanwhile, its worker may have read an older state: it goes back to be done
    /// again, with its results so far.
    async fn mark(
        &self,
        held: &Step,
        claimed: &Step,
        outcome: &Self::Outcome,
        now: Timestamp,
    ) -> Result<Commit, AppError> {
        let (kept, marked) = self.marked(held, outcome, now)?;
        let marked = if held.wanted == claimed.wanted { marked } else { held.once_more(kept, now)? };
        let commit = Commit::new();
        let commit = match (outcome, held.incident) {
            // The steps that waited for the channel can be done now.
            (Ok(Came::Channel(channel, _)), Some(id)) => {
                let follow = NewStep::of(id, format_args!("follow-channel-{channel}"), Work::Follow);
                commit.slack_channel(self.org, channel, id).transition(follow.open(
                    self.org,
                    &held.trace,
                    now,
                ))
            }
            _ => commit,
        };
        Ok(commit.transition(marked))
    }

    /// A step has no fence.
    fn void(&self, item: &Step, now: Timestamp) -> Result<Transition<Step>, AppError> {
        Ok(item.obsolete("it is void", now)?)
    }
}

impl SlackRequestContext<'_> {
    /// The results of an attempt, and its mark.
    fn marked(
        &self,
        held: &Step,
        outcome: &Result<Came, CallError>,
        now: Timestamp,
    ) -> Result<(Kept, Transition<Step>), AppError> {
        let before = || held.kept.clone();
        Ok(match outcome {
            Ok(Came::Done(kept, why)) => (kept.clone(), held.done(kept.clone(), why, now)?),
            Ok(Came::Channel(channel, why)) => {
                let kept = Kept { channel: Some(channel.clone()), ..before() };
                (kept.clone(), held.done(kept, why, now)?)
            }
            Ok(Came::Again { kept, reason, .. }) if held.is_given_up(now) => {
                (kept.clone(), held.failed(reason, now)?)
            }
            Ok(Came::Again { kept, reason, retry_after }) => {
                let retry = held.retry(reason, *retry_after, now)?;
                (kept.clone(), retry.with(|step| step.kept = kept.clone()))
            }
            Ok(Came::Obsolete(why)) => (before(), held.obsolete(why, now)?),
            Err(CallError::Refused(word)) => {
                warn!(slack.step = held.mark(), reason = word, "slack refused a step");
                (before(), held.failed(word, now)?)
            }
            Err(CallError::Later { reason, .. }) if held.is_given_up(now) => {
                warn!(slack.step = held.mark(), reason, "gave up a slack step after too many attempts");
                (before(), held.failed(reason, now)?)
            }
            Err(CallError::Later { reason, retry_after }) => {
                warn!(slack.step = held.mark(), reason, "slack step attempt failed, retrying");
                (before(), held.retry(reason, *retry_after, now)?)
            }
        })
    }
}
