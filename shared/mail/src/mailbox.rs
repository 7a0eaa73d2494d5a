//! Where mails lie.

use bytes::Bytes;
use futures_util::future::BoxFuture;

/// How much of a mail is fetched: its text comes before what is attached, and no more of it is kept.
pub const MOST_BYTES: usize = 4 * 1024 * 1024;

/// A mail could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("the mail could not be fetched: {reason}")]
pub struct MailboxError {
    /// Why.
    pub reason: String,
}

/// Holds mails, each by its key.
pub trait Mailbox: Send + Sync {
    /// The beginning of a mail, up to [`MOST_BYTES`].
    fn fetch<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Bytes, MailboxError>>;
}

impl MailboxError {
    /// An error with its reason.
    pub fn new(reason: impl std::fmt::Display) -> Self {
        Self { reason: reason.to_string() }
    }
}
