//! A step in Slack: one thing to do there, claimed, done and marked.
//!
//! A message that is posted once and then kept up to date, such as the announcement of an incident, is one step that is
//! asked for again. Its worker reads what is true when it does the step, so that only the newest state matters and
//! nothing is posted twice.

mod new;
pub(crate) mod work;

use jiff::Timestamp;
use machine::{Head, Illegal, State, Stateful, Transition};
use serde::{Deserialize, Serialize};

pub use new::NewStep;
pub use work::{Place, StepId, Thread, Work};

use super::id::{ChannelId, SlackUserId};
use crate::event::Event;
use crate::id::{IncidentId, OrgId};
use crate::job::due::{Scheduled, due_at};
use crate::job::lease::{Attempts, Leased};
use crate::job::{Job, JobKind, SlackJob};
use crate::trace::Trace;

/// The states of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum StepState {
    /// It waits until it is done.
    Pending,
    /// A worker has claimed it and does it.
    Doing,
    /// Slack accepted it.
    Done,
    /// Slack refused it permanently.
    Failed,
    /// There is nothing to do any longer.
    Obsolete,
}

impl State for StepState {
    const INITIAL: &'static [Self] = &[Self::Pending];

    fn successors(self) -> &'static [Self] {
        match self {
            Self::Pending => &[Self::Doing, Self::Done, Self::Obsolete],
            Self::Doing => &[Self::Done, Self::Failed, Self::Pending, Self::Obsolete],
            Self::Done | Self::Failed => &[Self::Pending],
            Self::Obsolete => &[],
        }
    }
}

/// The results of a step, for the steps that come after it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The channel that was created or posted to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelId>,
    /// The message that was posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts: Option<String>,
    /// The fingerprint of the message's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// The people who were invited.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<SlackUserId>,
    /// Whether somebody has deleted the message once, and it was posted again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub posted_anew: bool,
    /// The notifications whose buttons were removed.
    #[serde(rename = "pages", default, skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<String>,
}

/// A step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// State and version.
    #[serde(flatten)]
    pub head: Head<StepState>,
    /// The organisation.
    pub org: OrgId,
    /// The thread that it belongs to.
    pub thread: Thread,
    /// The id within the thread.
    pub id: StepId,
    /// The incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// The work.
    pub work: Work,
    /// The results.
    #[serde(default)]
    pub kept: Kept,
    /// Counts how often it was asked for again while a worker did it.
    #[serde(default)]
    pub wanted: u32,
    /// When it was asked for.
    pub since: Timestamp,
    /// The attempts to do it.
    #[serde(flatten)]
    pub attempts: Attempts,
    /// The trace that it belongs to.
    pub trace: Trace,
}

impl Stateful for Step {
    const MACHINE: &'static str = "slack_step";
    type State = StepState;
    type Event = Event;
    type Note = ();

    fn head(&self) -> Head<StepState> {
        self.head
    }

    fn set_head(&mut self, head: Head<StepState>) {
        self.head = head;
    }
}

impl Scheduled for Step {
    const KIND: JobKind = JobKind::SlackStep;

    fn job(&self) -> Job {
        SlackJob::SlackStep { org: self.org, thread: self.thread.clone(), step: self.id.clone() }.into()
    }

    fn set_due(&mut self, at: Option<Timestamp>) {
        self.attempts.wait_until(at);
    }
}

impl Leased for Step {
    const WAITING: StepState = StepState::Pending;
    const HELD: StepState = StepState::Doing;

    fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    fn attempts_mut(&mut self) -> &mut Attempts {
        &mut self.attempts
    }
}

impl Step {
    /// The mark that distinguishes a message of this step from every other message of a channel. It is the same for every
    /// attempt.
    pub fn mark(&self) -> String {
        format!("{}.{}", self.thread, self.id)
    }

    /// Whether Slack may have accepted an earlier attempt without our knowing.
    pub fn may_be_done(&self) -> bool {
        self.attempts.attempt > 1
    }

    /// Whether it was tried for as long as makes sense.
    pub fn is_given_up(&self, now: Timestamp) -> bool {
        now.duration_since(self.since) > self.work.patience()
    }

    /// Marks that it is done, with its results.
    ///
    /// # Errors
    /// [`Illegal`] if it was not to be done.
    pub fn done(&self, kept: Kept, why: &str, at: Timestamp) -> Result<Transition<Self>, Illegal<StepState>> {
        Ok(self.go(StepState::Done, why, at)?.with(|step| step.kept = kept))
    }

    /// Marks that Slack refused it permanently.
    ///
    /// # Errors
    /// [`Illegal`] if no worker was doing it.
    pub fn failed(&self, why: &str, at: Timestamp) -> Result<Transition<Self>, Illegal<StepState>> {
        self.go(StepState::Failed, why, at)
    }

    /// Marks that there is nothing to do any more.
    ///
    /// # Errors
    /// [`Illegal`] if it is done.
    pub fn obsolete(&self, why: &str, at: Timestamp) -> Result<Transition<Self>, Illegal<StepState>> {
        self.go(StepState::Obsolete, why, at)
    }

    /// Asks for it again; `None` if the worker that does it next sees the newest state anyway.
    ///
    /// A worker that does it at this moment may have read an older state. The request is counted, so that the worker
    /// finds a conflict when it marks its result.
    ///
    /// # Errors
    /// [`Illegal`] if it is obsolete.
    pub fn anew(&self, at: Timestamp) -> Result<Option<Transition<Self>>, Illegal<StepState>> {
        match self.head.state() {
            StepState::Pending => Ok(None),
            StepState::Doing => {
                Ok(Some(self.amend(at)?.with(|step| step.wanted = step.wanted.saturating_add(1))))
            }
            StepState::Done | StepState::Failed | StepState::Obsolete => {
                let again = self.go(StepState::Pending, "requested again", at)?.with(|step| {
                    step.attempts.attempt = 1;
                    step.since = at;
                });
                Ok(Some(due_at(again, at)))
            }
        }
    }

    /// Gives it back because it was asked for again while a worker did it. Its results so far are kept.
    ///
    /// This counts as an attempt: Slack may have accepted the work without our knowing, so that the next attempt looks
    /// for it first.
    ///
    /// # Errors
    /// [`Illegal`] if no worker was doing it.
    pub fn once_more(&self, kept: Kept, at: Timestamp) -> Result<Transition<Self>, Illegal<StepState>> {
        Ok(self.wait_again("requested again meanwhile", at, at)?.with(|step| step.kept = kept))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn step(work: Work) -> Step {
        let incident = IncidentId::new(at(0), 1);
        let open = NewStep::of(incident, "x", work).open(OrgId::new(at(0), 2), &Trace::begin(3), at(0));
        open.after().clone()
    }

    #[test]
    fn table_passes_its_proofs() {
        machine::check::check::<StepState>();
    }

    #[test]
    fn slack_is_asked_again_when_it_says_so_and_otherwise_after_a_pause_that_grows() {
        let doing = step(Work::Invite).claim(at(0)).unwrap().after().clone();

        let told = doing.retry("limited", Some(SignedDuration::from_secs(77)), at(1)).unwrap();
        assert_eq!((told.after().attempts.due, told.after().attempts.attempt), (Some(at(78)), 2));
        let mut pauses = Vec::new();
        let mut doing = doing;
        for _ in 0..6 {
            let again = doing.retry("down", None, at(0)).unwrap().after().clone();
            pauses.push(again.attempts.due.unwrap().as_second());
            doing = again.claim(at(0)).unwrap().after().clone();
        }
        assert_eq!(pauses, [2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn asking_anew_restarts_what_is_done_and_is_seen_by_whoever_is_at_it() {
        let pending = step(Work::Post(Place::Announcements));
        assert!(pending.anew(at(1)).unwrap().is_none(), "whoever does it sees what is new");

        let doing = pending.claim(at(1)).unwrap().after().clone();
        let wanted = doing.anew(at(2)).unwrap().unwrap().after().clone();
        assert_eq!((wanted.wanted, wanted.attempts.due), (1, doing.attempts.due), "the claim stays as it is");
        let kept = Kept { ts: Some("1.2".to_owned()), ..Kept::default() };
        let back = wanted.once_more(kept.clone(), at(3)).unwrap().after().clone();
        assert_eq!((back.head.state(), back.kept.clone()), (StepState::Pending, kept.clone()));
        assert!(back.may_be_done() && back.since == pending.since, "what slack may have taken is looked for");

        let done = back.claim(at(4)).unwrap().after().done(kept.clone(), "posted", at(5)).unwrap();
        let again = done.after().anew(at(9)).unwrap().unwrap().after().clone();
        assert_eq!(
            (again.head.state(), again.attempts.due, again.kept),
            (StepState::Pending, Some(at(9)), kept)
        );
    }

    #[test]
    fn answers_are_given_up_with_the_half_hour_in_which_slack_takes_them() {
        let answer = step(Work::Answer { to: String::new(), text: String::new(), replaces: false });

        assert!(!answer.is_given_up(at(1800)) && answer.is_given_up(at(1801)));
        assert!(!step(Work::CreateChannel).is_given_up(at(3600 * 20)));
    }
}
