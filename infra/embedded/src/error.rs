//! What can go wrong outside the wire.

/// A failure of the embedded database or queue themselves, not of a call to them.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The directory for the two files could not be made.
    #[error("making directory `{path}`")]
    Directory {
        /// The directory.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The queue file, or the stream's part of the database file, could not be read or written.
    #[error("using the sqlite file of the {what}")]
    File {
        /// Which part: queues, stream, checkpoint.
        what: &'static str,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The log of the queues could not be opened.
    #[error("opening the log of the queues")]
    Log(#[source] std::io::Error),
    /// The database refused.
    #[error("asking the database for {what}")]
    Database {
        /// What was asked.
        what: &'static str,
        /// Why.
        #[source]
        source: dynoxide::DynoxideError,
    },
    /// The queues as declared do not fit together.
    #[error("queue `{queue}` names `{dead_letter}` as its dead-letter queue, which is not declared")]
    UnknownDeadLetter {
        /// The queue.
        queue: String,
        /// What it names.
        dead_letter: String,
    },
    /// A sequence number that no record ever had.
    #[error("no record can have sequence number `{0}`")]
    Sequence(String),
}

impl EmbeddedError {
    /// Wraps a database error, saying what was asked.
    pub(crate) fn database(what: &'static str) -> impl FnOnce(dynoxide::DynoxideError) -> Self {
        move |source| Self::Database { what, source }
    }

    /// Wraps an SQLite error, saying whose file it was.
    pub(crate) fn file(what: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::File { what, source }
    }
}
