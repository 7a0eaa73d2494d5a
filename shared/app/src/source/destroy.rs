//! Destroys an alert source: it takes nothing more, and what it sent stays.

use domain::id::{OrgId, SourceId};
use domain::source::SourceState;
use domain::{Identity, Timestamp};
use machine::{Stateful, retry_conflicts};
use store::{Commit, Store};
use tracing::instrument;

use super::find;
use crate::AppError;

/// Destroys a source and removes its door.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such source.
#[instrument(skip_all, fields(alert_source.id = %id), err)]
pub async fn destroy(
    store: &Store,
    by: &Identity,
    org: OrgId,
    id: SourceId,
    now: Timestamp,
) -> Result<(), AppError> {
    retry_conflicts(|| async move {
        let source = find(store, org, id).await?;
        let end = source.transition_to(SourceState::Destroyed, now)?.because(by.to_string(), "destroyed");
        store.commit(Commit::new().source(end)).await?;
        Ok(())
    })
    .await
}
