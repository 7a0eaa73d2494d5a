//! One letter on its way out: mail that is no page.

use std::fmt;

use domain::Timestamp;
use domain::trace::Trace;

/// A letter, with everything that a channel needs to know.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// What tells a repeated attempt from another letter.
    pub idempotency_key: String,
    /// The address in the channel.
    pub address: String,
    /// What it is about.
    pub title: String,
    /// What it says.
    pub text: String,
    /// What is written on its button, and where that leads.
    pub button: (String, String),
    /// The trace that it came in.
    pub trace: Trace,
    /// When it is sent.
    pub when: Timestamp,
}

/// Addresses and links are for the addressee only, and not for a log.
impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter")
            .field("idempotency_key", &self.idempotency_key)
            .field("title", &self.title)
            .field("trace", &self.trace.id())
            .finish_non_exhaustive()
    }
}
