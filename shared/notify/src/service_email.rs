//! An email about the service itself, such as a sign-in link.

use std::fmt;

use domain::Timestamp;
use domain::trace::Trace;

/// An email that is not a notification, with everything that a channel needs to send it.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceEmail {
    /// Identifies the email; the same in each attempt, so that a provider can drop repeats.
    pub idempotency_key: String,
    /// The recipient's email address.
    pub address: String,
    /// The subject.
    pub title: String,
    /// The text.
    pub text: String,
    /// The label of the button and the URL that it opens.
    pub button: (String, String),
    /// The id of the installation that sends it.
    pub installation: String,
    /// The trace of the request that caused the email.
    pub trace: Trace,
    /// The time of this attempt.
    pub when: Timestamp,
}

/// Shows no address or link, because only the recipient may see them.
impl fmt::Debug for ServiceEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceEmail")
            .field("idempotency_key", &self.idempotency_key)
            .field("title", &self.title)
            .field("trace", &self.trace.id())
            .finish_non_exhaustive()
    }
}
