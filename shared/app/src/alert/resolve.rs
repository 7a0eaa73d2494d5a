//! Resolves an alert by hand.

use domain::access::Permission;
use domain::alert::Alert;
use domain::id::{AlertId, OrgId};
use domain::{Actor, Identity, Timestamp};
use machine::retry_conflicts;
use store::{Commit, Store};
use tracing::instrument;

use super::seen;
use crate::AppError;

/// Resolves an alert; one that is resolved already stays as it is.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such alert.
#[instrument(skip_all, fields(alert.id = %id))]
pub async fn resolve(store: &Store, by: &Actor, id: AlertId, now: Timestamp) -> Result<Alert, AppError> {
    by.may(Permission::Respond)?;
    seen::find(store, by, id).await?;
    resolve_as(store, by.identity(), (by.org(), id), "resolved by hand", now).await
}

/// Resolves an alert for a verb that has checked its caller's permission, with the reason for the alert's history.
///
/// The deduplication key is closed in the same commit, so that a repeat of the old firing does not reopen the alert.
pub(crate) async fn resolve_as(
    store: &Store,
    by: &Identity,
    (org, id): (OrgId, AlertId),
    why: &'static str,
    now: Timestamp,
) -> Result<Alert, AppError> {
    retry_conflicts(|| async move {
        let alert = store.alert(org, id).await?.ok_or_else(|| AppError::not_found("alert", id))?;
        let end = match alert.end(now, now) {
            Ok(end) => end,
            Err(illegal) => {
                store.illegal(&illegal);
                return Ok(alert);
            }
        };
        let end = end.because(by.to_string(), why);
        let after = end.after().clone();
        let key = store.key(org, after.source, &after.key).await?;
        let mut commit = Commit::new().alert_over(&after).transition(end);
        if let Some(key) = key.filter(|key| key.alert == Some(id)) {
            commit = commit.key(org, after.source, &after.key, Some(&key), &key.closed(now), now);
        }
        store.commit(commit).await?;
        Ok(after)
    })
    .await
}
