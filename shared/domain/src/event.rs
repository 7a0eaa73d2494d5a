//! What a transition causes elsewhere, written together with it.

use jiff::Timestamp;

use crate::alert::ReceivedEvent;
use crate::job::Job;

/// An event: it stands in the outbox of the row that the same write inserts, and the relay sends it.
#[derive(Debug, Clone)]
pub enum Event {
    /// A job is due at a time. `due_at` in `job/due.rs` is the only place that makes this event.
    Due {
        /// The job.
        job: Job,
        /// When its message is to arrive.
        at: Timestamp,
    },
    /// An event of a source is to be handled as if its sender had delivered it.
    Deliver(Box<ReceivedEvent>),
}
