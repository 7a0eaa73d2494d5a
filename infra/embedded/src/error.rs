//! Failures of the embedded services themselves.

/// A failure of the embedded database or queues, not of a call to them.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The directory of the files cannot be created.
    #[error("cannot create the directory `{path}`")]
    Directory {
        /// The directory.
        path: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The file of the queues, or the stream's part of the database file, cannot be read or written.
    #[error("cannot use the SQLite file of the {what}")]
    File {
        /// The part: queues, stream, checkpoint.
        what: &'static str,
        /// The cause.
        #[source]
        source: rusqlite::Error,
    },
    /// The write-ahead log of the queues cannot be opened.
    #[error("cannot open the write-ahead log of the queues")]
    Log(#[source] std::io::Error),
    /// The database returned an error.
    #[error("cannot use the database for {what}")]
    Database {
        /// The purpose of the call.
        what: &'static str,
        /// The cause.
        #[source]
        source: dynoxide::DynoxideError,
    },
    /// A queue names a dead-letter queue that is not declared.
    #[error("queue `{queue}` names `{dead_letter}` as its dead-letter queue, which is not declared")]
    UnknownDeadLetter {
        /// The queue.
        queue: String,
        /// The dead-letter queue.
        dead_letter: String,
    },
    /// An invalid sequence number of a stream record.
    #[error("invalid sequence number `{0}`")]
    Sequence(String),
}

impl EmbeddedError {
    /// Wraps a database error, with the purpose of the call.
    pub(crate) fn database(what: &'static str) -> impl FnOnce(dynoxide::DynoxideError) -> Self {
        move |source| Self::Database { what, source }
    }

    /// Wraps an SQLite error, with the part of the file.
    pub(crate) fn file(what: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::File { what, source }
    }
}
