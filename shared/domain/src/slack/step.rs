//! One thing that is owed to Slack: claimed, done, marked; each is an item with a due time.
//!
//! What is posted once and kept up to date (the announcement, who is invited) is one step that is asked for anew:
//! whoever does it reads what is true then, so that only the newest matters and nothing is posted twice.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use machine::{Head, Illegal, State, Stateful, Transition};
use serde::{Deserialize, Serialize};

use super::id::{ChannelId, SlackUserId};
use crate::escalation::Escalation;
use crate::event::Event;
use crate::id::{IncidentId, OrgId};
use crate::incident::Incident;
use crate::page::{Due, LogEntry, remember};
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

/// What steps belong together to: an incident, or one thing that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Thread(String);

impl Thread {
    /// Everything that is owed because of an incident.
    pub fn incident(id: IncidentId) -> Self {
        Self(id.to_string())
    }

    /// The answer to something that was asked.
    pub fn asked(key: &str) -> Self {
        Self(format!("asked-{}", crate::text::fingerprint(key.as_bytes(), 32)))
    }

    /// Reads it from a key; a `#` is none of its characters.
    pub fn of_key(text: &str) -> Option<Self> {
        (!text.is_empty() && !text.contains('#')).then(|| Self(text.to_owned()))
    }

    /// The shard of `shards` that spreads these evenly.
    pub fn shard(&self, shards: u8) -> u8 {
        let sum = self.0.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        u8::try_from(sum % u32::from(shards)).unwrap_or(0)
    }
}

impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A step's id within its thread: the same cause gives the same id, so that nothing is owed twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(String);

impl StepId {
    /// The one step of this name.
    pub fn of(name: impl fmt::Display) -> Self {
        Self(name.to_string())
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where an incident's message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Where all incidents are announced.
    Announcements,
    /// In the incident's own channel.
    Channel,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Look at an incident that has changed, and write down what is owed because of that.
    Follow,
    /// Create the incident's channel.
    CreateChannel,
    /// Invite whoever responds.
    Invite,
    /// Post the incident's message, or bring it up to date.
    Post(Place),
    /// Share the update that a version of the incident made.
    Share {
        /// The version.
        version: u64,
    },
    /// Answer whoever asked; only they see it.
    Answer {
        /// Where to, sealed.
        to: String,
        /// What to say, in Slack's markup.
        text: String,
        /// Whether it takes the place of what they answered.
        replaces: bool,
    },
    /// Say something below a message.
    Reply {
        /// The channel.
        channel: ChannelId,
        /// The message.
        ts: String,
        /// What to say, in Slack's markup.
        text: String,
    },
}

impl Work {
    /// The name, for people.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Follow => "follow the incident",
            Self::CreateChannel => "create the channel",
            Self::Invite => "invite responders",
            Self::Post(Place::Announcements) => "announce",
            Self::Post(Place::Channel) => "keep the channel's message",
            Self::Share { .. } => "share an update",
            Self::Answer { .. } => "answer",
            Self::Reply { .. } => "reply",
        }
    }

    /// How long it makes sense to try.
    const fn patience(&self) -> SignedDuration {
        match self {
            // Slack takes an answer for half an hour.
            Self::Answer { .. } => SignedDuration::from_mins(30),
            Self::Follow
            | Self::CreateChannel
            | Self::Invite
            | Self::Post(_)
            | Self::Share { .. }
            | Self::Reply { .. } => SignedDuration::from_hours(24),
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

/// A step is opened: everything about it that is not the same for all.
#[derive(Debug, Clone)]
pub struct NewStep {
    /// What it belongs to.
    pub thread: Thread,
    /// Its id within that.
    pub id: StepId,
    /// The incident.
    pub incident: Option<IncidentId>,
    /// What it does.
    pub work: Work,
}

impl NewStep {
    /// A step of an incident.
    pub fn of(incident: IncidentId, id: impl fmt::Display, work: Work) -> Self {
        Self { thread: Thread::incident(incident), id: StepId::of(id), incident: Some(incident), work }
    }

    /// Opens it, to be done at once.
    pub fn open(self, org: OrgId, trace: &Trace, at: Timestamp) -> Transition<Step> {
        let step = Step {
            head: Head::stored(StepState::Pending, 0),
            org,
            thread: self.thread,
            id: self.id,
            incident: self.incident,
            work: self.work,
            kept: Kept::default(),
            wanted: 0,
            attempt: 1,
            since: at,
            due: Some(at),
            slot: at,
            log: Vec::new(),
            trace: trace.clone(),
        };
        step.born(StepState::Pending, at).expect("a step may be born pending").on_transition(due)
    }
}

/// What is owed because an incident was opened or changed, if Slack follows it.
pub fn owed_by_incident(step: &Transition<Incident>) -> Option<Transition<Step>> {
    let incident = step.after();
    let id = format!("follow-{:05}", incident.head.version());
    incident
        .followed
        .then(|| NewStep::of(incident.id, id, Work::Follow).open(incident.org, &incident.trace, step.at()))
}

/// What is owed because an escalation went on, if Slack follows its incident.
///
/// One that an alert begins is written together with its incident, which owes a look of its own; one that begins again
/// for an alert that goes on is not, and tells so by its id, which is younger than the incident's.
pub fn owed_by_escalation(step: &Transition<Escalation>) -> Option<Transition<Step>> {
    let escalation = step.after();
    let incident = escalation.incident.filter(|_| escalation.followed)?;
    let is_news = match step.from() {
        Some(from) => from != step.to(),
        None => escalation.alert.is_none() || escalation.id.at() != incident.at(),
    };
    if !is_news {
        return None;
    }
    let id = format!("follow-{}-{:05}", escalation.id, escalation.head.version());
    Some(NewStep::of(incident, id, Work::Follow).open(escalation.org, &escalation.trace, step.at()))
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
    /// # Errors
    /// [`Illegal`] if nobody was at it.
    pub fn once_more(&self, kept: Kept, at: Timestamp) -> Result<Transition<Self>, Illegal<StepState>> {
        Ok(self
            .go(StepState::Pending, "asked for anew meanwhile", at)?
            .with(|step| {
                step.kept = kept;
                step.attempt = 1;
                step.since = at;
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
