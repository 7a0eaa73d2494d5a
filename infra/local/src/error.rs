//! Why Firebell cannot start: one sentence each, and what to do.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use embedded::EmbeddedError;

/// A reason why Firebell cannot start, written for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be created, read or written.
    #[error(
        "cannot use the data directory `{}`: {}. Use --data DIR to choose a directory that you can write to.",
        .dir.display(), .reason
    )]
    DataDirectory {
        /// The directory.
        dir: PathBuf,
        /// The reason.
        reason: String,
    },
    /// Another process uses the data directory.
    #[error(
        "the data directory `{}` is in use by another `cargo local`{}. Stop that process, or use --data DIR to choose \
         another directory.",
        .dir.display(), .process.map(|id| format!(" (process {id})")).unwrap_or_default()
    )]
    DataDirectoryInUse {
        /// The directory.
        dir: PathBuf,
        /// The id of the other process, if it is known.
        process: Option<u32>,
    },
    /// The files of the embedded database or of its queues cannot be opened.
    #[error(
        "cannot open the database in the data directory `{}`: {}. Restore its files from a backup, or use --data DIR \
         to start with another directory.",
        .dir.display(), causes(.cause)
    )]
    Database {
        /// The directory.
        dir: PathBuf,
        /// The cause.
        cause: EmbeddedError,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {}. Use {option} to choose another address, for example {option} {}.",
        listen_reason(.cause), other_port(*.address))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The option that names the address.
        option: &'static str,
        /// The cause.
        cause: io::Error,
    },
}

/// Describes an error of the operating system without its number: "permission denied".
pub fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// Says why an address cannot be listened on.
pub fn listen_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another process uses this port".to_owned(),
        _ => plain(error),
    }
}

/// An address with the next port, as an example.
fn other_port(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port().checked_add(1).unwrap_or(8080))
}

/// An error and its causes in one line.
fn causes(error: &EmbeddedError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_are_shown_without_their_number() {
        assert_eq!(plain(&io::Error::from_raw_os_error(13)), "permission denied");
    }

    #[test]
    fn a_port_in_use_is_named_with_the_option_that_changes_it() {
        let error = StartError::Listen {
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            option: "--listen",
            cause: io::ErrorKind::AddrInUse.into(),
        };

        assert_eq!(
            error.to_string(),
            "cannot listen on 127.0.0.1:8080: another process uses this port. Use --listen to choose another address, \
             for example --listen 127.0.0.1:8081."
        );
    }
}
