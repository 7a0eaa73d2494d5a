//! The port that stores implement, and how a commit may fail.

use std::future::Future;

use crate::{Head, Stateful, Transition};

/// Any error, boxed.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a commit did not happen, by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Another writer was first: load again and decide again.
    #[error("another writer was faster")]
    Conflict,
    /// The store failed, or its response was lost: try later.
    #[error("the store failed")]
    Store(#[source] BoxError),
}

/// Stores transitions of one machine: head and history in one conditional write.
pub trait TransitionStore<M: Stateful> {
    /// Writes the transition if the stored version is still the one it was decided on.
    fn execute(
        &self,
        transition: Transition<M>,
    ) -> impl Future<Output = Result<Head<M::State>, CommitError>> + Send;
}
