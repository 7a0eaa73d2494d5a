//! A delivery: one request from a sender, before anything of it is read.

use ::http::HeaderMap;
use jiff::Timestamp;

/// One request from a sender. It keeps the raw bytes, because signatures are computed over them.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The headers of the request.
    pub headers: &'a HeaderMap,
    /// The path that the sender appended to the source's own address, without the leading slash.
    pub path: &'a str,
    /// The query string, without the question mark.
    pub query: Option<&'a str>,
    /// The raw bytes of the body.
    pub body: &'a [u8],
    /// When the request arrived. Signatures with a time are valid only for a while.
    pub now: Timestamp,
}
