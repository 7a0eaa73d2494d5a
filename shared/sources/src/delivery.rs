//! A delivery: one request from a sender, before anything of it is read.

use ::http::HeaderMap;
use domain::text::fingerprint;
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

impl Delivery<'_> {
    /// The deduplication key of an event to which the sender gives no identity: a hash of all its content.
    ///
    /// Different events therefore have different keys, and an exact repetition is the same alert. The key contains the
    /// day, because nothing resolves such an alert: the same report on the next day must notify again.
    pub fn content_key(&self, event: &str) -> String {
        let content = format!("{} {} {event}", self.now.strftime("%Y-%m-%d"), self.path);
        format!("content:{}", fingerprint(content.as_bytes(), 32))
    }
}
