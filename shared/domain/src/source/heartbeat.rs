//! Heartbeats: a job pings its source, and a missed ping is an alert.

use jiff::{SignedDuration, Timestamp};
use machine::{Head, Illegal, State, Stateful, Transition};
use serde::{Deserialize, Serialize};

use crate::alert::ReceivedEvent;
use crate::event::Event;
use crate::expression::ExpressionError;
use crate::id::{OrgId, SourceId};
use crate::job::due::Scheduled;
use crate::job::{AlertJob, Job, JobKind};
use crate::trace::Trace;

/// The allowed intervals between two pings, in seconds.
pub const INTERVAL_S: std::ops::RangeInclusive<u32> = 10..=31 * 24 * 3600;

/// The longest grace period: a week.
const MOST_GRACE_S: u32 = 7 * 24 * 3600;

/// The most pings that may be missed before the alert fires.
const MOST_MISSED: u32 = 100;

/// The schedule of a job's pings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PingSchedule {
    /// The expected interval between two pings, in seconds.
    pub interval_s: u32,
    /// The grace period, in seconds: a ping may be this much late.
    pub grace_s: u32,
    /// How many pings in a row are missed before the alert fires.
    pub threshold: u32,
}

/// Default for the number of pings that may be missed in a row before the alert fires.
const DEFAULT_THRESHOLD: u32 = 1;

impl PingSchedule {
    /// Creates a schedule. Without a grace period, it is a sixth of the interval, so that a job that takes a little
    /// longer than usual does not page. Without a threshold, the first missed ping fires the alert.
    pub fn new(interval_s: u32, grace_s: Option<u32>, threshold: Option<u32>) -> Self {
        Self {
            interval_s,
            grace_s: grace_s.unwrap_or(interval_s / 6),
            threshold: threshold.unwrap_or(DEFAULT_THRESHOLD),
        }
    }

    /// When the alert of a job fires whose last ping was at a time.
    pub fn deadline(&self, last: Timestamp) -> Timestamp {
        let seconds = i64::from(self.interval_s) * i64::from(self.threshold) + i64::from(self.grace_s);
        last.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
    }

    /// Checks a schedule before it is stored.
    ///
    /// # Errors
    /// [`ExpressionError`] with the field, within the options.
    pub fn check(&self) -> Result<(), ExpressionError> {
        let (least, most) = (INTERVAL_S.start(), INTERVAL_S.end());
        if !INTERVAL_S.contains(&self.interval_s) {
            return Err(ExpressionError::new(
                "interval_seconds",
                format!("an interval is {least} to {most} seconds"),
            ));
        }
        if self.grace_s > MOST_GRACE_S {
            return Err(ExpressionError::new(
                "grace_period_seconds",
                format!("a grace is {MOST_GRACE_S} seconds at most"),
            ));
        }
        if !(1..=MOST_MISSED).contains(&self.threshold) {
            return Err(ExpressionError::new(
                "failure_threshold",
                format!("1 to {MOST_MISSED} pings may be missed"),
            ));
        }
        Ok(())
    }
}

/// The states of a heartbeat. A heartbeat begins with its first ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum HeartbeatState {
    /// Its pings arrive in time.
    Healthy,
    /// A ping is missed, and its alert fires.
    Missed,
    /// Nobody watches it, because its source is disabled. The next ping begins again.
    Idle,
    /// Its source was deleted.
    Gone,
}

impl State for HeartbeatState {
    const INITIAL: &'static [Self] = &[Self::Healthy];

    fn successors(self) -> &'static [Self] {
        match self {
            Self::Healthy => &[Self::Missed, Self::Idle, Self::Gone],
            Self::Missed | Self::Idle => &[Self::Healthy],
            Self::Gone => &[],
        }
    }
}

/// The heartbeat of a job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Heartbeat {
    /// State and version. Every ping increases the version, so that a decision that was made before it conflicts.
    #[serde(flatten)]
    pub head: Head<HeartbeatState>,
    /// The organisation.
    pub org: OrgId,
    /// The source.
    pub source: SourceId,
    /// When the last ping arrived.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub last_ping_at: Timestamp,
    /// When the heartbeat is checked. A ping does not move it, so that a ping writes no index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// The last event about the heartbeat, until it is known to be handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owed: Option<UnconfirmedEvent>,
    /// The trace of the first ping.
    pub trace: Trace,
}

/// An event about a heartbeat, which is sent again if its message was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnconfirmedEvent {
    /// The event, in JSON.
    received: String,
    /// How often it may be sent again. An event that the source's filter or limit holds back leaves no trace, so that
    /// there has to be an end.
    left: u8,
}

impl Stateful for Heartbeat {
    const MACHINE: &'static str = "heartbeat";
    type State = HeartbeatState;
    type Event = Event;
    type Note = ();

    fn head(&self) -> Head<HeartbeatState> {
        self.head
    }

    fn set_head(&mut self, head: Head<HeartbeatState>) {
        self.head = head;
    }
}

impl Scheduled for Heartbeat {
    const KIND: JobKind = JobKind::HeartbeatCheck;

    fn job(&self) -> Job {
        AlertJob::HeartbeatCheck { org: self.org, source: self.source }.into()
    }

    fn set_due(&mut self, at: Option<Timestamp>) {
        self.due = at;
    }
}

impl Heartbeat {
    /// The first ping.
    ///
    /// # Errors
    /// [`Illegal`] if the machine does not allow it.
    pub fn first(
        (org, source): (OrgId, SourceId),
        beat: &PingSchedule,
        trace: Trace,
        now: Timestamp,
    ) -> Result<Transition<Self>, Illegal<HeartbeatState>> {
        let due = Some(beat.deadline(now));
        let head = Head::stored(HeartbeatState::Healthy, 0);
        Self { head, org, source, last_ping_at: now, due, owed: None, trace }
            .born(HeartbeatState::Healthy, now)
    }

    /// A ping of a heartbeat that was missed or that nobody watched. If it was missed, `over` resolves its alert.
    ///
    /// # Errors
    /// [`Illegal`] if the machine does not allow it.
    pub fn back(
        &self,
        beat: &PingSchedule,
        over: Option<ReceivedEvent>,
        now: Timestamp,
    ) -> Result<Transition<Self>, Illegal<HeartbeatState>> {
        let back = self.transition_to(HeartbeatState::Healthy, now)?.with(|job| {
            (job.last_ping_at, job.due, job.owed) = (now, Some(beat.deadline(now)), None);
        });
        Ok(match over {
            Some(over) => telling(back, over, TIMES, now),
            None => back,
        })
    }

    /// A ping is missed: the alert fires.
    ///
    /// # Errors
    /// [`Illegal`] if the machine does not allow it.
    pub fn miss(
        &self,
        alert: ReceivedEvent,
        now: Timestamp,
    ) -> Result<Transition<Self>, Illegal<HeartbeatState>> {
        let missed = self.transition_to(HeartbeatState::Missed, now)?.with(|job| job.due = None);
        Ok(telling(missed, alert, TIMES, now))
    }

    /// The last event, if it is not known to be handled and may be sent again.
    pub fn owed(&self) -> Option<ReceivedEvent> {
        let owed = self.owed.as_ref().filter(|owed| owed.left > 0)?;
        serde_json::from_str(&owed.received).ok()
    }

    /// Sends the last event again, because its message was lost.
    ///
    /// # Errors
    /// [`Illegal`] if the machine does not allow it.
    pub fn tell_again(
        &self,
        owed: ReceivedEvent,
        now: Timestamp,
    ) -> Result<Transition<Self>, Illegal<HeartbeatState>> {
        let left = self.owed.as_ref().map_or(0, |owed| owed.left.saturating_sub(1));
        Ok(telling(self.amend(now)?, owed, left, now))
    }

    /// The heartbeat is not watched until its next ping.
    ///
    /// # Errors
    /// [`Illegal`] if the machine does not allow it.
    pub fn rest(&self, for_good: bool, now: Timestamp) -> Result<Transition<Self>, Illegal<HeartbeatState>> {
        let state = if for_good { HeartbeatState::Gone } else { HeartbeatState::Idle };
        Ok(self.transition_to(state, now)?.with(|job| (job.due, job.owed) = (None, None)))
    }

    /// Nothing is to be done. The heartbeat is checked again at a time, or not before its next ping.
    ///
    /// # Errors
    /// [`Illegal`] if the machine does not allow it.
    pub fn look_later(
        &self,
        due: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Transition<Self>, Illegal<HeartbeatState>> {
        Ok(self.amend(now)?.with(|job| (job.due, job.owed) = (due, None)))
    }
}

/// How often an event is sent again.
const TIMES: u8 = 5;

/// How long after an event was sent it is checked whether the event was handled.
const LOOK: SignedDuration = SignedDuration::from_mins(1);

/// A transition with an event about the heartbeat, and the check whether that event was handled.
fn telling(
    step: Transition<Heartbeat>,
    told: ReceivedEvent,
    left: u8,
    now: Timestamp,
) -> Transition<Heartbeat> {
    let look = now.saturating_add(LOOK).unwrap_or(Timestamp::MAX);
    let received = serde_json::to_string(&told).expect("an event is plain values");
    let step = step.with(|job| {
        job.due = Some(job.due.map_or(look, |due| due.min(look)));
        job.owed = Some(UnconfirmedEvent { received, left });
    });
    step.on_transition(|_| Event::Deliver(Box::new(told)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_passes_its_proofs() {
        machine::check::check::<HeartbeatState>();
    }

    #[test]
    fn job_is_missed_after_as_many_intervals_as_are_said_and_the_grace() {
        let beat = |interval_s, grace_s, threshold| PingSchedule { interval_s, grace_s, threshold };
        let at = |second| Timestamp::from_second(second).unwrap();

        assert_eq!(beat(60, 5, 1).deadline(at(1000)), at(1065));
        assert_eq!(beat(60, 5, 3).deadline(at(1000)), at(1185));
        assert!(beat(9, 0, 1).check().is_err() && beat(60, 0, 0).check().is_err());
        assert!(beat(60, MOST_GRACE_S + 1, 1).check().is_err());
        assert!(beat(10, 0, 1).check().is_ok());
    }
}
