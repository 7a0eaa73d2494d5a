//! The errors of verbs, by what the caller does next.

use domain::access::Forbidden;
use machine::{BoxError, CommitError, IsConflict};
use store::{QueueError, StoreError};

/// An error of a verb.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The object does not exist in this organisation.
    #[error("there is no {kind} `{id}`")]
    NotFound {
        /// The kind of object.
        kind: &'static str,
        /// The id in the request.
        id: String,
    },
    /// The actor lacks a permission.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// A field of the request is invalid.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field, as the API names it.
        field: String,
        /// Why it is invalid.
        reason: String,
    },
    /// The state of the object does not allow the change.
    #[error("{0}")]
    Illegal(String),
    /// Other writers changed the same data first, repeatedly.
    #[error("somebody else changed the same data at the same time: try again")]
    Conflict,
    /// A dependency failed; the caller may try again later.
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
    /// An error for an object that does not exist.
    pub fn not_found(kind: &'static str, id: impl ToString) -> Self {
        Self::NotFound { kind, id: id.to_string() }
    }

    /// Says whether a stored item is unreadable, so that trying again does not help.
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

    /// An error for an invalid field.
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

/// Treats a conflict as success, for a write that any writer may do.
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
