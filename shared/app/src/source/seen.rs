//! What is shown of a source: when it last delivered, and what last went wrong.

use domain::Timestamp;
use domain::alert::ReceivedEvent;
use domain::id::{OrgId, SourceId};
use domain::source::DeliveryError;
use jiff::SignedDuration;
use store::{Commit, Store};
use tracing::instrument;

use crate::{AppError, Rules};

/// At most one such write a source and minute.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// How much of a reason is kept.
const REASON_BYTES: usize = 500;

/// Notes that a source delivered, at most once a minute as far as this process knows.
///
/// # Errors
/// Never: that it could not be noted is no reason to handle the alert again.
#[instrument(skip_all, err)]
pub async fn delivered(store: &Store, rules: &Rules, received: &ReceivedEvent) -> Result<(), AppError> {
    if received.asked_by.is_some() {
        // Somebody had it fire again; its source has delivered nothing.
        return Ok(());
    }
    if rules.seen(received.source, received.received_at, PAUSE) {
        let noted = store.source_delivered(received.org, received.source, received.received_at, PAUSE).await;
        if let Err(error) = noted {
            tracing::warn!(alert_source.id = %received.source, %error, "the last delivery could not be noted");
        }
    }
    Ok(())
}

/// Notes why a delivery could not be read.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all, fields(alert_source.id = %source), err)]
pub async fn failed(
    store: &Store,
    org: OrgId,
    source: SourceId,
    at: Timestamp,
    reason: &str,
) -> Result<(), AppError> {
    let error = DeliveryError { at, reason: domain::text::shorten(reason, REASON_BYTES) };
    match store.commit(Commit::new().source_error(org, source, &error)).await {
        // It was destroyed in between.
        Err(machine::CommitError::Conflict) => Ok(()),
        done => Ok(done?),
    }
}
