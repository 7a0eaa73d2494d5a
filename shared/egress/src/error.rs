//! Why there was no answer; no message holds any of the address.

use std::io;

/// The address cannot be one, whenever it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It cannot be read.
    #[error("it is no address like `https://example.com/path`")]
    Malformed,
    /// It is not encrypted.
    #[error("it does not begin with `https://`")]
    Unencrypted,
    /// It names a user or a password, which would be shown wherever it is.
    #[error("it has a user or a password in it")]
    Credentials,
    /// It leads where nobody from outside may go.
    #[error("it leads into a private network")]
    Private,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// The address cannot be one.
    #[error("the address is refused")]
    Refused(#[source] Refused),
    /// The name leads where nobody from outside may go, this time at least.
    #[error("the name leads into a private network")]
    Private,
    /// The name leads nowhere.
    #[error("the name cannot be resolved")]
    Unresolved(#[source] io::Error),
    /// Nobody can be reached there, or not under that name.
    #[error("no connection came about")]
    Unconnected(#[source] io::Error),
    /// The connection ended before there was an answer.
    #[error("there was no answer")]
    Unanswered(#[source] hyper::Error),
    /// It took too long.
    #[error("there was no answer in time")]
    TimedOut,
}
