//! Why a verb did not do what was asked, by what the caller does next.

use domain::access::Forbidden;
use machine::{BoxError, CommitError, IsConflict};
use store::{QueueError, StoreError};

/// A verb did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// There is no such thing in this organisation.
    #[error("no {kind} `{id}`")]
    NotFound {
        /// What was looked for.
        kind: &'static str,
        /// Its id, as it was asked for.
        id: String,
    },
    /// Whoever asks may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// What was asked makes no sense.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field at fault, as the API names it.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It cannot go that way from where it is.
    #[error("{0}")]
    Illegal(String),
    /// Another writer was faster, again and again.
    #[error("somebody else changed the same data at the same time: try again")]
    Conflict,
    /// Something that we depend on failed: try later.
    #[error("{what} failed")]
    Unavailable {
        /// What failed.
        what: &'static str,
        /// Why.
        #[source]
        source: BoxError,
    },
}

impl AppError {
    /// Nothing is there.
    pub fn not_found(kind: &'static str, id: impl ToString) -> Self {
        Self::NotFound { kind, id: id.to_string() }
    }

    /// Says whether an item itself is at fault: trying later does not help.
    pub fn is_unreadable(&self) -> bool {
        match self {
            Self::Unavailable { source, .. } => {
                matches!(source.downcast_ref::<StoreError>(), Some(StoreError::Item { .. }))
            }
            Self::NotFound { .. }
            | Self::Forbidden(_)
            | Self::Invalid { .. }
            | Self::Illegal(_)
            | Self::Conflict => false,
        }
    }

    /// A field is wrong.
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), reason: reason.into() }
    }
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable { what: "the store", source: Box::new(error) }
    }
}

impl From<QueueError> for AppError {
    fn from(error: QueueError) -> Self {
        Self::Unavailable { what: "a queue", source: Box::new(error) }
    }
}

/// What came of a write that another one may have been faster than: then it is done all the same.
pub(crate) fn whoever_was_first(done: Result<(), CommitError>) -> Result<(), AppError> {
    match done {
        Ok(()) | Err(CommitError::Conflict) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl From<CommitError> for AppError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict => Self::Conflict,
            CommitError::Store(source) => Self::Unavailable { what: "the store", source },
        }
    }
}

impl<S: machine::State> From<machine::Illegal<S>> for AppError {
    fn from(illegal: machine::Illegal<S>) -> Self {
        Self::Illegal(illegal.to_string())
    }
}

impl IsConflict for AppError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict)
    }
}
