//! The due time of a job, which is set together with the event that announces it.

use jiff::Timestamp;
use machine::{Stateful, Transition};

use super::policy::Wake;
use super::{Job, JobKind};
use crate::event::Event;

/// An item that is a job.
pub trait Scheduled: Stateful<Event = Event> {
    /// The kind of the job.
    const KIND: JobKind;

    /// The reference to the job.
    fn job(&self) -> Job;

    /// Sets when the job is due.
    fn set_due(&mut self, at: Option<Timestamp>);
}

/// Makes a job due at a time, with the event that the relay sends to its worker.
///
/// The event is added even if the job was due at that time before: the next step of a backfill may be due at the same
/// instant as the step before.
pub fn due_at<M: Scheduled>(step: Transition<M>, at: Timestamp) -> Transition<M> {
    let step = step.with(|item| item.set_due(Some(at)));
    match M::KIND.policy().wake {
        Wake::Sweep => step,
        Wake::AtDue => step.on_transition(|step| Event::Due { job: step.after().job(), at }),
        Wake::AtOnce => step.on_transition(|step| Event::Due { job: step.after().job(), at: step.at() }),
    }
}
