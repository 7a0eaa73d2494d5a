//! Holds back the resolution of a flapping alert until it has been quiet for a while.

use domain::Timestamp;
use domain::alert::expiry::Expiry;
use domain::alert::key::KeyRow;
use domain::alert::{AlertState, ReceivedEvent};
use domain::id::AlertId;
use machine::Stateful;
use store::{Commit, Store};

use crate::AppError;
use crate::rules::readable;

/// Holds back a resolution, and schedules a check for the time at which the alert may have been quiet for long enough.
///
/// Returns false if the alert is not firing or cannot be read: then the resolution is handled as any other.
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
    let expiry = Expiry::sooner(readable(store.expiry(org, id).await)?, quiet_at);
    let commit = Commit::new().key(org, received.source, &received.key(), Some(known), &row, now);
    store.commit(commit.expiry(org, id, &expiry)).await?;
    Ok(true)
}
