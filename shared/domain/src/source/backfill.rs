//! A backfill: reading a source's recent alerts again after its attributes changed.

use jiff::{SignedDuration, Timestamp};
use machine::{Head, Illegal, State, Stateful, Transition};
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::id::{AlertId, OrgId, SourceId};
use crate::job::due::{Scheduled, due_at};
use crate::job::{AlertJob, Job, JobKind};
use crate::trace::Trace;

/// How long the payload of an alert is kept, from which its attributes can be read again.
pub const BACK: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long after a step was requested the sweep requests it again.
const LOST: SignedDuration = SignedDuration::from_mins(2);

/// The states of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum BackfillState {
    /// It reads alerts again, from the newest to the oldest.
    Running,
    /// It has read all of them.
    Done,
    /// The source was deleted meanwhile.
    Cancelled,
}

impl State for BackfillState {
    const INITIAL: &'static [Self] = &[Self::Running];

    fn successors(self) -> &'static [Self] {
        match self {
            Self::Running => &[Self::Done, Self::Cancelled],
            Self::Done => &[Self::Running],
            Self::Cancelled => &[],
        }
    }
}

/// The progress of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// The oldest alert of the organisation that was examined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<AlertId>,
    /// How many alerts of the source were read again.
    pub read: u64,
    /// How many of them have other attributes now.
    pub changed: u64,
    /// How many of them could not be read again.
    pub skipped: u64,
}

/// A backfill of a source; a source has one at a time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Backfill {
    /// State and version.
    #[serde(flatten)]
    pub head: Head<BackfillState>,
    /// The organisation.
    pub org: OrgId,
    /// The source.
    pub source: SourceId,
    /// When it was requested. Newer alerts have the new configuration.
    pub asked_at: Timestamp,
    /// The progress.
    pub progress: Progress,
    /// When the sweep requests the next step, should its message be lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// The trace that it belongs to.
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

impl Scheduled for Backfill {
    const KIND: JobKind = JobKind::Backfill;

    fn job(&self) -> Job {
        AlertJob::Backfill { org: self.org, source: self.source }.into()
    }

    fn set_due(&mut self, at: Option<Timestamp>) {
        self.due = at;
    }
}

impl Backfill {
    /// Creates a backfill that begins now.
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

    /// The time of the oldest alerts that it reads again.
    pub fn back_to(&self) -> Timestamp {
        self.asked_at.saturating_sub(BACK).unwrap_or(Timestamp::MIN)
    }

    /// Begins a backfill, whatever an earlier one did.
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

    /// Records that some alerts were read again, and requests the next step unless this was the last.
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

    /// Ends a backfill whose source was deleted.
    ///
    /// # Errors
    /// [`Illegal`] if the machine does not allow it.
    pub fn cancel(&self, now: Timestamp) -> Result<Transition<Self>, Illegal<BackfillState>> {
        Ok(self.transition_to(BackfillState::Cancelled, now)?.with(|backfill| backfill.due = None))
    }
}

/// A transition after which another step follows.
fn asking(step: Transition<Backfill>, now: Timestamp) -> Transition<Backfill> {
    due_at(step, now.saturating_add(LOST).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_passes_its_proofs() {
        machine::check::check::<BackfillState>();
    }
}
