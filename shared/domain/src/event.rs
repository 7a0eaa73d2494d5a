//! The events of a transition, which are stored in the same write.

use jiff::Timestamp;

use crate::alert::ReceivedEvent;
use crate::job::Job;

/// An event. It is stored in the outbox of the row that the same write inserts, and the relay sends it.
#[derive(Debug, Clone)]
pub enum Event {
    /// A job is due at a time. `due_at` in `job/due.rs` is the only place that creates this event.
    Due {
        /// The job.
        job: Job,
        /// When its message should arrive.
        at: Timestamp,
    },
    /// An event of an alert source is handled as if its sender had delivered it.
    Deliver(Box<ReceivedEvent>),
}
