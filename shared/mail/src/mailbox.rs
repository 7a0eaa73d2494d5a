//! Where mails lie.

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http_body_util::BodyExt;

/// How much of a mail is fetched: its text comes before what is attached, and no more of it is kept.
pub const MOST_BYTES: usize = 4 * 1024 * 1024;

/// The beginning of a mail that comes in pieces, up to [`MOST_BYTES`].
///
/// # Errors
/// If the body ends before it is whole.
pub async fn beginning<B: BodyExt<Data = Bytes> + Unpin>(mut body: B) -> Result<Bytes, B::Error> {
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
