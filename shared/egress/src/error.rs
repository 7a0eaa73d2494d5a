//! Errors of outbound requests. No message contains any part of the URL, because URLs may hold secrets.

use std::io;

/// Why a URL is not accepted. Retrying does not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// The URL cannot be parsed.
    #[error("that is not a valid URL, such as `https://example.com/path`")]
    Malformed,
    /// The URL is not `https`.
    #[error("the URL must begin with `https://`")]
    Unencrypted,
    /// The URL contains a user name or password, which would be shown wherever the URL is shown.
    #[error("the URL must not contain a user name or password")]
    Credentials,
    /// The host is an address of a private network.
    #[error("the URL points to a private network address")]
    Private,
}

/// Why a request got no response.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// The URL is not accepted.
    #[error("the URL is not allowed")]
    InvalidUrl(#[source] InvalidUrl),
    /// The host name resolves to a private network address at the moment.
    #[error("the host name resolves to a private network address")]
    Private,
    /// The host name cannot be resolved.
    #[error("the host name cannot be resolved")]
    Unresolved(#[source] io::Error),
    /// The connection or its TLS handshake failed.
    #[error("cannot connect")]
    Unconnected(#[source] io::Error),
    /// The connection ended before a response arrived.
    #[error("the connection ended without a response")]
    Unanswered(#[source] hyper::Error),
    /// No response arrived in time.
    #[error("no response in time")]
    TimedOut,
}
