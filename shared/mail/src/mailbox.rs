//! The mailbox: the stored bytes of received emails.

use bytes::Bytes;
use futures_util::future::BoxFuture;

/// Most bytes that are read of an email. Its text comes before its attachments, which are not stored.
pub const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Fetching an email failed.
#[derive(Debug, thiserror::Error)]
#[error("fetching the email failed: {reason}")]
pub struct MailboxError {
    /// The reason.
    pub reason: String,
}

/// Stores emails, each under a key.
pub trait Mailbox: Send + Sync {
    /// Fetches the start of an email, up to [`MOST_BYTES`].
    fn fetch<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Bytes, MailboxError>>;
}

impl MailboxError {
    /// Creates an error with its reason.
    pub fn new(reason: impl std::fmt::Display) -> Self {
        Self { reason: reason.to_string() }
    }
}
