//! Begins an escalation within a commit that does more.

use domain::Timestamp;
use domain::escalation::{NewEscalation, Responders};
use domain::escalation_path::Level;
use domain::subscriber;
use store::Commit;

use crate::AppError;

/// The most actions of a transaction.
pub(crate) const MOST_ACTIONS: usize = 100;

/// Adds an escalation with its first level paged. What a transaction cannot hold waits for its first tick, at once.
///
/// `more` is how many actions the caller has yet to add, one at least for each escalation that is still to begin.
pub(crate) fn begin(
    commit: Commit,
    new: NewEscalation,
    (levels, staff): (&[Level], &Responders),
    more: usize,
    now: Timestamp,
) -> Result<Commit, AppError> {
    let (escalation, notifications) = new.clone().triggered(levels, staff, now)?;
    Ok(if commit.len() + 1 + subscriber::MOST + notifications.len() + more > MOST_ACTIONS {
        commit.transition(new.pending(now)?)
    } else {
        commit.transition(escalation).transitions(notifications)
    })
}
