//! Resolves an alert by hand.

use domain::access::Permission;
use domain::alert::Alert;
use domain::id::AlertId;
use domain::{Actor, Timestamp};
use machine::retry_conflicts;
use store::{Commit, Store};
use tracing::instrument;

use crate::AppError;

/// Resolves an alert; one that is resolved already stays as it is.
///
/// The key learns of it in the same commit, so that a repeat of the old firing does not reopen it.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such alert.
#[instrument(skip_all, fields(alert.id = %id), err)]
pub async fn resolve(store: &Store, by: &Actor, id: AlertId, now: Timestamp) -> Result<Alert, AppError> {
    by.may(Permission::Respond)?;
    let (org, by) = (by.org(), by.identity());
    retry_conflicts(|| async move {
        let alert = store.alert(org, id).await?.ok_or_else(|| AppError::not_found("alert", id))?;
        let end = match alert.end(now, now) {
            Ok(end) => end,
            Err(illegal) => {
                store.illegal(&illegal);
                return Ok(alert);
            }
        };
        let end = end.because(by.to_string(), "resolved by hand");
        let after = end.after().clone();
        let key = store.key(org, after.source, &after.key).await?;
        let mut commit = Commit::new().alert_over(&after).transition(end);
        if let Some(known) = key.filter(|known| known.alert == Some(id)) {
            commit = commit.key(org, after.source, &after.key, Some(&known), &known.closed(now), now);
        }
        store.commit(commit).await?;
        Ok(after)
    })
    .await
}
