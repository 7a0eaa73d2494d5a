//! Holds an end back of an alert that flaps: it goes on until it has been quiet for a while.

use domain::Timestamp;
use domain::alert::expiry::Expiry;
use domain::alert::key::KeyRow;
use domain::alert::{AlertState, ReceivedEvent};
use domain::id::AlertId;
use machine::Stateful;
use store::{Commit, Store};

use crate::AppError;
use crate::rules::readable;

/// Holds an end back, and has somebody look at the alert once it may have been quiet for long enough.
///
/// False if there is nothing to go on: then the end is to be handled as any other.
pub(super) async fn hold(
    store: &Store,
    received: &ReceivedEvent,
    (id, known): (AlertId, &KeyRow),
    now: Timestamp,
) -> Result<bool, AppError> {
    let org = received.org;
    let alert = readable(store.alert(org, id).await)?;
    if alert.is_none_or(|alert| alert.head().state() != AlertState::Firing) {
        return Ok(false);
    }
    let row = known.held(&received.arrival());
    let quiet_at = row.flaps.quiet_at().unwrap_or(now);
    let lapse = Expiry::sooner(readable(store.lapse(org, id).await)?, quiet_at);
    let commit = Commit::new().key(org, received.source, &received.key(), Some(known), &row, now);
    store.commit(commit.lapse(org, id, &lapse)).await?;
    Ok(true)
}
