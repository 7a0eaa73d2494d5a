//! The mailbox: the stored bytes of received emails.

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http_body_util::BodyExt;

/// Most bytes that are read of an email. Its text comes before its attachments, which are not stored.
pub const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Reads the start of an email from a body, up to [`MOST_BYTES`].
///
/// # Errors
/// If the body ends early.
pub async fn read_start<B: BodyExt<Data = Bytes> + Unpin>(mut body: B) -> Result<Bytes, B::Error> {
    let mut mail = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            mail.extend_from_slice(&data);
        }
        if mail.len() >= MOST_BYTES {
            mail.truncate(MOST_BYTES);
            break;
        }
    }
    Ok(mail.freeze())
}

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
