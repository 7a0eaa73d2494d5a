//! Retrying conflicts: load again, decide again, write again.

use std::future::Future;
use std::time::Duration;

use crate::CommitError;

/// Errors that may be a conflict.
pub trait IsConflict {
    /// Says whether loading and deciding again at once may help.
    fn is_conflict(&self) -> bool;
}

impl IsConflict for CommitError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict)
    }
}

/// How often a verb loads and decides before it gives up.
const ATTEMPTS: u32 = 8;

/// Repeats load, decide and write while another writer is first. The closure does all three.
///
/// # Errors
/// The last error, once it is no conflict or the attempts are used up.
pub async fn retry_conflicts<T, E, F>(mut attempt: impl FnMut() -> F) -> Result<T, E>
where
    E: IsConflict,
    F: Future<Output = Result<T, E>>,
{
    let mut tries = 1;
    loop {
        match attempt().await {
            Err(error) if error.is_conflict() && tries < ATTEMPTS => {
                let ceiling = 10_u64 << tries.min(6);
                tokio::time::sleep(Duration::from_millis(fastrand::u64(0..ceiling))).await;
                tries += 1;
            }
            done => return done,
        }
    }
}
