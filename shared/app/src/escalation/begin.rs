//! Adds a new escalation to a commit.

use domain::Timestamp;
use domain::escalation::{NewEscalation, Responders};
use domain::escalation_path::Level;
use domain::subscriber;
use store::Commit;

use crate::AppError;

/// The most actions of a transaction.
pub(crate) const MOST_ACTIONS: usize = 100;

/// Adds an escalation and the notifications of its first level. If the transaction has no room for them, the escalation
/// starts pending, and its first tick, which is due at once, notifies the first level.
///
/// `more` is how many actions the caller still has to add: at least one for each escalation that follows.
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
