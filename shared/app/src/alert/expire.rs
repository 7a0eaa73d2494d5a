//! Checks whether an alert has expired because its source has not repeated it.

use domain::Timestamp;
use domain::alert::expiry::{Expiry, Verdict};
use domain::alert::key::KeyRow;
use domain::alert::{Alert, AlertState};
use domain::id::{AlertId, OrgId};
use jiff::SignedDuration;
use machine::{Stateful, retry_conflicts};
use store::{Commit, Store};
use tracing::instrument;

use crate::AppError;
use crate::rules::readable;

/// The reason for the end of an alert whose resolution was held back.
const QUIET_AGAIN: &str = "the alert was flapping, and has been quiet since its source resolved it";

/// Resolves an alert that has expired, or moves the time of the next check.
///
/// The row of the deduplication key decides whether it has expired; the row that is due is only a reason to check.
///
/// # Errors
/// [`AppError`] if it has to be tried again.
#[instrument(skip_all, fields(alert.id = %id))]
pub async fn expire(store: &Store, (org, id): (OrgId, AlertId), now: Timestamp) -> Result<(), AppError> {
    retry_conflicts(|| async move {
        let Some(expiry) = readable(store.expiry(org, id).await)? else { return Ok(()) };
        // The message came early, or the check was moved: the sweep sends another one.
        if now < expiry.due {
            return Ok(());
        }
        let alert = readable(store.alert(org, id).await)?;
        let Some(alert) = alert.filter(|alert| alert.head().state() == AlertState::Firing) else {
            return Ok(store.remove_expiry(org, id).await?);
        };
        let known = readable(store.key(org, alert.source, &alert.key).await)?;
        let own = known.as_ref().filter(|row| row.alert == Some(id));
        let last = own.map_or(alert.created_at, |row| row.received_at);
        if let Some(row) = own.filter(|row| row.is_held()) {
            return quiet(store, (alert, row), &expiry, now).await;
        }
        match expiry.verdict(last, in_incident(store, &alert).await?, now) {
            Verdict::Wait(until) => Ok(store.move_expiry((org, id), &expiry, until).await?),
            Verdict::Over => {
                let end = alert.end(now, now)?.because("system:alert-handle", why(expiry.after()));
                let commit = match own {
                    Some(row) => {
                        Commit::new().key(org, alert.source, &alert.key, Some(row), &row.expired(now), now)
                    }
                    None => Commit::new(),
                };
                Ok(store.commit(commit.expired(org, id).alert_over(end.after()).transition(end)).await?)
            }
        }
    })
    .await
}

/// Resolves an alert whose resolution was held back, once it has been quiet for long enough.
async fn quiet(
    store: &Store,
    (alert, row): (Alert, &KeyRow),
    expiry: &Expiry,
    now: Timestamp,
) -> Result<(), AppError> {
    let (org, id) = (alert.org, alert.id);
    if let Some(until) = row.flaps.quiet_at().filter(|until| now < *until) {
        return Ok(store.move_expiry((org, id), expiry, until).await?);
    }
    let end = alert.end(row.over_at.unwrap_or(now), now)?.because("system:alert-handle", QUIET_AGAIN);
    let commit = Commit::new().key(org, alert.source, &alert.key, Some(row), &row.quiet(), now);
    Ok(store.commit(commit.expired(org, id).alert_over(end.after()).transition(end)).await?)
}

/// Says whether the incident of an alert is open.
async fn in_incident(store: &Store, alert: &Alert) -> Result<bool, AppError> {
    let Some(id) = alert.incident else { return Ok(false) };
    let incident = readable(store.incident(alert.org, id).await)?;
    Ok(incident.is_some_and(|incident| incident.head().state().is_open()))
}

/// The reason for the end, for the alert's history.
fn why(after: SignedDuration) -> String {
    let minutes = after.as_mins().max(1);
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    format!("its source has not sent it again for {minutes} {unit}")
}
