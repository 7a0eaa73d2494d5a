//! What a sender delivered, as it came.

use ::http::HeaderMap;
use jiff::Timestamp;

/// A delivery: raw, since signatures are over the bytes and not over what they mean.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The headers.
    pub headers: &'a HeaderMap,
    /// What the sender put behind the source's own address, without the slash before it.
    pub path: &'a str,
    /// The query, without the question mark.
    pub query: Option<&'a str>,
    /// The bytes of the body.
    pub body: &'a [u8],
    /// When it came; a signature may hold only for a while.
    pub now: Timestamp,
}
