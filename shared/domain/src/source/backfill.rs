//! A backfill: what a source's attributes say now, of the alerts that it sent before.

use jiff::{SignedDuration, Timestamp};
use machine::{Head, Illegal, State, Stateful, Transition};
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::id::{AlertId, OrgId, SourceId};
use crate::trace::Trace;

/// How long the words of an alert are kept from which its attributes can be read again.
pub const BACK: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long after a step was asked for the sweep asks again.
const LOST: SignedDuration = SignedDuration::from_mins(2);

/// The states of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackfillState {
    /// It goes from the newest alert to the oldest.
    Running,
    /// It has seen all of them.
    Done,
    /// The source went away meanwhile.
    Cancelled,
}

impl State for BackfillState {
    const ALL: &'static [Self] = &[Self::Running, Self::Done, Self::Cancelled];
    const INITIAL: &'static [Self] = &[Self::Running];

    fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    fn successors(self) -> &'static [Self] {
        match self {
            Self::Running => &[Self::Done, Self::Cancelled],
            Self::Done => &[Self::Running],
            Self::Cancelled => &[],
        }
    }
}

/// How far a backfill is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// The oldest alert of the organisation that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<AlertId>,
    /// How many alerts of the source were read again.
    pub read: u64,
    /// How many of them say something else now.
    pub changed: u64,
    /// How many of them could not be read again.
    pub skipped: u64,
}

/// A backfill of a source: there is one at a time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Backfill {
    /// State and version.
    #[serde(flatten)]
    pub head: Head<BackfillState>,
    /// The organisation.
    pub org: OrgId,
    /// The source.
    pub source: SourceId,
    /// When it was asked for; alerts that are newer have the new configuration.
    pub asked_at: Timestamp,
    /// How far it is.
    pub progress: Progress,
    /// When somebody has to look whether it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// The trace that it was asked for in.
    pub trace: Trace,
}

impl Stateful for Backfill {
    const MACHINE: &'static str = "backfill";
    type State = BackfillState;
    type Event = Event;
    type Note = ();

    fn head(&self) -> Head<BackfillState> {
        self.head
    }

    fn set_head(&mut self, head: Head<BackfillState>) {
        self.head = head;
    }
}

impl Backfill {
    /// One that begins now.
    pub fn new(org: OrgId, source: SourceId, trace: Trace, now: Timestamp) -> Self {
        Self {
            head: Head::stored(BackfillState::Running, 0),
            org,
            source,
            asked_at: now,
            progress: Progress::default(),
            due: None,
            trace,
        }
    }

    /// The oldest time whose alerts it reads again.
    pub fn back_to(&self) -> Timestamp {
        self.asked_at.saturating_sub(BACK).unwrap_or(Timestamp::MIN)
    }

    /// The first step of one that is asked for, whatever an earlier one did.
    ///
    /// # Errors
    /// [`Illegal`] if the machine does not allow it.
    pub fn begin(
        before: Option<&Self>,
        new: Self,
        now: Timestamp,
    ) -> Result<Transition<Self>, Illegal<BackfillState>> {
        let step = match before {
            None => return Ok(asking(new.born(BackfillState::Running, now)?, now)),
            Some(before) if before.head.state() == BackfillState::Running => before.amend(now)?,
            Some(before) => before.transition_to(BackfillState::Running, now)?,
        };
        // `with` keeps the head of the step.
        Ok(asking(step.with(|backfill| *backfill = new), now))
    }

    /// The step after some alerts were read again; the last one if no older alert is of its time.
    ///
    /// # Errors
    /// [`Illegal`] if the machine does not allow it.
    pub fn next(
        &self,
        progress: Progress,
        last: bool,
        now: Timestamp,
    ) -> Result<Transition<Self>, Illegal<BackfillState>> {
        if last {
            let done = self.transition_to(BackfillState::Done, now)?;
            return Ok(done.with(|backfill| (backfill.progress, backfill.due) = (progress, None)));
        }
        let step = self.amend(now)?.with(|backfill| backfill.progress = progress);
        Ok(asking(step, now))
    }

    /// The end of one whose source is gone.
    ///
    /// # Errors
    /// [`Illegal`] if the machine does not allow it.
    pub fn cancel(&self, now: Timestamp) -> Result<Transition<Self>, Illegal<BackfillState>> {
        Ok(self.transition_to(BackfillState::Cancelled, now)?.with(|backfill| backfill.due = None))
    }
}

/// A step after which another one is to follow.
fn asking(step: Transition<Backfill>, now: Timestamp) -> Transition<Backfill> {
    step.with(|backfill| backfill.due = now.saturating_add(LOST).ok())
        .on_transition(|step| Event::BackfillDue { org: step.after().org, source: step.after().source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_passes_its_proofs() {
        machine::check::check::<BackfillState>();
    }
}
