//! Claiming a job under its fence.

use machine::Transition;

use crate::commit::Refused;
use crate::error::StoreError;
use crate::record::Record;
use crate::{Commit, Store};

/// The result of claiming a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// This worker holds the job.
    Ours,
    /// Another worker was faster.
    Theirs,
    /// The condition of its fence no longer holds: the job is void.
    Void,
}

impl Store {
    /// Claims a job, on the condition that nobody has changed it and that its fence holds.
    ///
    /// # Errors
    /// [`StoreError`] if the database failed.
    pub async fn claim<M: Record>(&self, claim: Transition<M>) -> Result<Claimed, StoreError> {
        let fence = claim.after().fence();
        let commit = Commit::new().transition(claim);
        let commit = match &fence {
            Some(fence) => commit.check(fence.check()),
            None => commit,
        };
        match self.commit_or(commit).await {
            Ok(()) => Ok(Claimed::Ours),
            // The claim itself is the first action.
            Err(Refused::Conditions(which)) if which.contains(&0) => Ok(Claimed::Theirs),
            Err(Refused::Conditions(_)) => Ok(Claimed::Void),
            Err(Refused::Store(error)) => Err(error),
        }
    }
}
