//! Records when an alert source last delivered, and its last error.

use domain::Timestamp;
use domain::alert::ReceivedEvent;
use domain::id::{OrgId, SourceId};
use domain::source::{DeliveryError, WithoutAlert};
use jiff::SignedDuration;
use store::{Commit, Store};
use tracing::instrument;

use crate::{AppError, Rules};

/// Shortest time between two writes for one source.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// Most bytes of a reason that are stored.
const REASON_BYTES: usize = 500;

/// Records that an alert source delivered, at most once a minute in one process.
///
/// # Errors
/// Never. A failure is only logged, because the alert must not be processed again for it.
#[instrument(skip_all)]
pub async fn delivered(store: &Store, rules: &Rules, received: &ReceivedEvent) -> Result<(), AppError> {
    if received.asked_by.is_some() {
        // A person fired the alert again, so its source has delivered nothing.
        return Ok(());
    }
    if rules.seen(received.source, received.received_at, PAUSE) {
        let noted = store.source_delivered(received.org, received.source, received.received_at, PAUSE).await;
        if let Err(error) = noted {
            tracing::warn!(alert_source.id = %received.source, %error, "recording the last delivery failed");
        }
    }
    Ok(())
}

/// Counts an event that ends an alert that Firebell does not know, so that a wrong end is visible on its source.
///
/// A failure is only logged, because the event itself was handled.
pub async fn unmatched_end(store: &Store, received: &ReceivedEvent) {
    let (place, title) = ((received.org, received.source), &received.event.title);
    let counted =
        store.count_without_alert(place, WithoutAlert::UnmatchedEnd, title, received.received_at).await;
    if let Err(error) = counted {
        tracing::warn!(alert_source.id = %received.source, %error, "counting an unmatched end failed");
    }
}

/// Records why a delivery was refused or could not be read.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all, fields(alert_source.id = %source))]
pub async fn failed(
    store: &Store,
    org: OrgId,
    source: SourceId,
    at: Timestamp,
    reason: &str,
) -> Result<(), AppError> {
    let error = DeliveryError { at, reason: domain::text::shorten(reason, REASON_BYTES) };
    match store.commit(Commit::new().source_error(org, source, &error)).await {
        // The source was deleted in the meantime.
        Err(machine::CommitError::Conflict) => Ok(()),
        done => Ok(done?),
    }
}
