//! One thing that is owed to Slack: claimed, done, marked; each is an item with a due time.
//!
//! What is posted once and kept up to date (the announcement, who is invited) is one step that is asked for anew:
//! whoever does it reads what is true then, so that only the newest matters and nothing is posted twice.

mod owed;
mod work;

use jiff::{SignedDuration, Timestamp};
use machine::{Head, Illegal, State, Stateful, Transition};
use serde::{Deserialize, Serialize};

pub use owed::{NewStep, owed_by_escalation, owed_by_incident};
pub use work::{Place, StepId, Thread, Work};

use super::id::{ChannelId, SlackUserId};
use crate::event::Event;
use crate::id::{IncidentId, OrgId};
use crate::notification::{Due, LogEntry, remember};
use crate::trace::Trace;

/// The states of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// It is to be done.
    Pending,
    /// Somebody has claimed it and is at it, until the lease is over.
    Doing,
    /// Slack took it.
    Done,
    /// Slack will not take it.
    Failed,
    /// Nothing is to be done any more.
    Obsolete,
}

impl State for StepState {
    const ALL: &'static [Self] = &[Self::Pending, Self::Doing, Self::Done, Self::Failed, Self::Obsolete];
    const INITIAL: &'static [Self] = &[Self::Pending];

    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Doing => "doing",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Obsolete => "obsolete",
        }
    }

    fn successors(self) -> &'static [Self] {
        match self {
            Self::Pending => &[Self::Doing, Self::Done, Self::Obsolete],
            Self::Doing => &[Self::Done, Self::Failed, Self::Pending, Self::Obsolete],
            Self::Done | Self::Failed => &[Self::Pending],
            Self::Obsolete => &[],
        }
    }
}

/// What came of a step, for those that come after it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The channel that was created or posted to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelId>,
    /// The message that was posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts: Option<String>,
    /// What the message says, by its fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// Who is in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<SlackUserId>,
    /// Whether somebody has deleted the message once, and it was posted anew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub posted_anew: bool,
    /// The pages whose buttons are off.
    #[serde(rename = "pages", default, skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<String>,
}

/// A step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// State and version.
    #[serde(flatten)]
    pub head: Head<StepState>,
    /// Its organisation.
    pub org: OrgId,
    /// What it belongs to.
    pub thread: Thread,
    /// Its id within that.
    pub id: StepId,
    /// The incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// What it does.
    pub work: Work,
    /// What came of it.
    #[serde(default)]
    pub kept: Kept,
    /// Counts how often it was asked for anew while somebody was at it.
    #[serde(default)]
    pub wanted: u32,
    /// Counts the attempts.
    pub attempt: u16,
    /// When it was asked for.
    pub since: Timestamp,
    /// When it is to be done, or the claim of whoever is at it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// When it was due while it last waited; the index of due items keeps this through a claim.
    pub slot: Timestamp,
    /// Its history.
    #[serde(default)]
    pub log: Vec<LogEntry>,
    /// The trace that it came in.
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

/// How long a claim lasts: twice what the calls of a step may take.
pub const LEASE: SignedDuration = SignedDuration::from_secs(40);

/// The longest pause between two attempts that Slack has not asked for.
const LONGEST_PAUSE: i64 = 30;

/// The event of a step that is due.
fn due(step: &Transition<Step>) -> Event {
    let step = step.after();
    Event::SlackStepDue { org: step.org, thread: step.thread.clone(), step: step.id.clone(), due: step.due }
}

impl Step {
    /// Decides what a due step means now.
    pub fn due(&self, now: Timestamp) -> Due {
        let Some(due) = self.due else { return Due::Over };
        let early = due.duration_since(now);
        match self.head.state() {
            StepState::Pending if early > crate::escalation::tick::EARLY => Due::TooEarly,
            StepState::Pending if early > SignedDuration::ZERO => Due::Wait(due),
            StepState::Pending => Due::Send,
            StepState::Doing if early > SignedDuration::ZERO => Due::Over,
            StepState::Doing => Due::TakeOver,
            StepState::Done | StepState::Failed | StepState::Obsolete => Due::Over,
        }
    }

    /// What tells what this step posts from everything else in a channel; the same for every attempt.
    pub fn mark(&self) -> String {
        format!("{}.{}", self.thread, self.id)
    }

    /// Whether an attempt before may have been taken without our knowing.
    pub fn may_be_done(&self) -> bool {
        self.attempt > 1
    }

    /// Whether it was tried for as long as makes sense.
    pub fn is_given_up(&self, now: Timestamp) -> bool {
        now.duration_since(self.since) > self.work.patience()
    }

    /// Goes along an edge and writes it down.
    fn go(&self, to: StepState, why: &str, at: Timestamp) -> Result<Transition<Self>, Illegal<StepState>> {
        let entry = LogEntry { at, to: to.name().to_owned(), why: crate::text::shorten(why, 120) };
        Ok(self.transition_to(to, at)?.with(|step| {
            remember(&mut step.log, entry);
            step.due = None;
        }))
    }

    /// Claims it, until the lease is over.
    ///
    /// # Errors
    /// [`Illegal`] if it is not to be done.
    pub fn claim(&self, at: Timestamp) -> Result<Transition<Self>, Illegal<StepState>> {
        Ok(self.go(StepState::Doing, "claimed", at)?.with(|step| step.due = Some(at + LEASE)))
    }

    /// Marks that it is done, and what came of it.
    ///
    /// # Errors
    /// [`Illegal`] if nobody was to do it.
    pub fn done(&self, kept: Kept, why: &str, at: Timestamp) -> Result<Transition<Self>, Illegal<StepState>> {
        Ok(self.go(StepState::Done, why, at)?.with(|step| step.kept = kept))
    }

    /// Marks that Slack will not take it.
    ///
    /// # Errors
    /// [`Illegal`] if nobody was at it.
    pub fn failed(&self, why: &str, at: Timestamp) -> Result<Transition<Self>, Illegal<StepState>> {
        self.go(StepState::Failed, why, at)
    }

    /// Marks that nothing is to be done any more.
    ///
    /// # Errors
    /// [`Illegal`] if it is done.
    pub fn obsolete(&self, why: &str, at: Timestamp) -> Result<Transition<Self>, Illegal<StepState>> {
        self.go(StepState::Obsolete, why, at)
    }

    /// Puts it back, to be tried again once Slack allows it, or after a pause that grows.
    ///
    /// # Errors
    /// [`Illegal`] if nobody was at it.
    pub fn again(
        &self,
        why: &str,
        retry_after: Option<SignedDuration>,
        at: Timestamp,
    ) -> Result<Transition<Self>, Illegal<StepState>> {
        let own = SignedDuration::from_secs((1_i64 << self.attempt.min(5)).min(LONGEST_PAUSE));
        let slot = at + retry_after.unwrap_or(own).clamp(SignedDuration::from_secs(1), crate::event::FAR);
        Ok(self
            .go(StepState::Pending, why, at)?
            .with(|step| {
                step.attempt = step.attempt.saturating_add(1);
                step.slot = slot;
                step.due = Some(slot);
            })
            .on_transition(due))
    }

    /// Takes it back from a claim whose lease is over, to be done at once.
    ///
    /// # Errors
    /// [`Illegal`] if nobody was at it.
    pub fn take_over(&self, at: Timestamp) -> Result<Transition<Self>, Illegal<StepState>> {
        Ok(self.go(StepState::Pending, "the claim's lease is over", at)?.with(|step| {
            step.attempt = step.attempt.saturating_add(1);
            step.due = Some(at);
        }))
    }

    /// Asks for it anew; none if whoever does it next sees what is new anyway.
    ///
    /// Whoever is at it may have read what was true before: it is counted, and they find that their mark conflicts.
    ///
    /// # Errors
    /// [`Illegal`] if it is over for good.
    pub fn anew(&self, at: Timestamp) -> Result<Option<Transition<Self>>, Illegal<StepState>> {
        match self.head.state() {
            StepState::Pending => Ok(None),
            StepState::Doing => {
                Ok(Some(self.amend(at)?.with(|step| step.wanted = step.wanted.saturating_add(1))))
            }
            StepState::Done | StepState::Failed | StepState::Obsolete => {
                let anew = self.go(StepState::Pending, "asked for anew", at)?.with(|step| {
                    step.attempt = 1;
                    step.since = at;
                    step.slot = at;
                    step.due = Some(at);
                });
                Ok(Some(anew.on_transition(due)))
            }
        }
    }

    /// Puts it back because it was asked for anew while it was being done; what came of it so far is kept.
    ///
    /// It counts as an attempt: Slack may have taken this one without our knowing, so that it is looked for first.
    ///
    /// # Errors
    /// [`Illegal`] if nobody was at it.
    pub fn once_more(&self, kept: Kept, at: Timestamp) -> Result<Transition<Self>, Illegal<StepState>> {
        Ok(self
            .go(StepState::Pending, "asked for anew meanwhile", at)?
            .with(|step| {
                step.kept = kept;
                step.attempt = step.attempt.saturating_add(1);
                step.slot = at;
                step.due = Some(at);
            })
            .on_transition(due))
    }
}

#[cfg(test)]
mod tests {
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

        let told = doing.again("limited", Some(SignedDuration::from_secs(77)), at(1)).unwrap();
        assert_eq!((told.after().due, told.after().attempt), (Some(at(78)), 2));
        let mut pauses = Vec::new();
        let mut doing = doing;
        for _ in 0..6 {
            let again = doing.again("down", None, at(0)).unwrap().after().clone();
            pauses.push(again.due.unwrap().as_second());
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
        assert_eq!((wanted.wanted, wanted.due), (1, doing.due), "the claim stays as it is");
        let kept = Kept { ts: Some("1.2".to_owned()), ..Kept::default() };
        let back = wanted.once_more(kept.clone(), at(3)).unwrap().after().clone();
        assert_eq!((back.head.state(), back.kept.clone()), (StepState::Pending, kept.clone()));
        assert!(back.may_be_done() && back.since == pending.since, "what slack may have taken is looked for");

        let done = back.claim(at(4)).unwrap().after().done(kept.clone(), "posted", at(5)).unwrap();
        let anew = done.after().anew(at(9)).unwrap().unwrap().after().clone();
        assert_eq!((anew.head.state(), anew.due, anew.kept), (StepState::Pending, Some(at(9)), kept));
    }

    #[test]
    fn answers_are_given_up_with_the_half_hour_in_which_slack_takes_them() {
        let answer = step(Work::Answer { to: String::new(), text: String::new(), replaces: false });

        assert!(!answer.is_given_up(at(1800)) && answer.is_given_up(at(1801)));
        assert!(!step(Work::CreateChannel).is_given_up(at(3600 * 20)));
    }
}
