//! Begins an escalation within a commit that does more.

use domain::Timestamp;
use domain::escalation::{NewEscalation, Staff};
use domain::path::Level;
use store::Commit;

use crate::AppError;

/// The most actions of a commit; a transaction takes a hundred.
const MOST_ACTIONS: usize = 95;

/// Adds an escalation with its first level paged. What a transaction cannot hold waits for its first tick, at once.
pub(crate) fn begin(
    commit: Commit,
    new: NewEscalation,
    (levels, staff): (&[Level], &Staff),
    now: Timestamp,
) -> Result<Commit, AppError> {
    let (escalation, pages) = new.clone().triggered(levels, staff, now)?;
    Ok(if commit.len() + 2 + pages.len() > MOST_ACTIONS {
        commit.transition(new.pending(now)?)
    } else {
        commit.transition(escalation).transitions(pages)
    })
}
