//! Deletes an alert source. It no longer accepts deliveries. Its alerts are kept.

use domain::access::Permission;
use domain::audit::{AuditAction, AuditEntry};
use domain::id::{AuditId, SourceId};
use domain::source::SourceState;
use domain::{Actor, Timestamp};
use machine::{Stateful, retry_conflicts};
use store::{Commit, Store};
use tracing::instrument;

use super::find;
use crate::{AppError, Random};

/// Deletes an alert source together with its credentials.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such source.
#[instrument(skip_all, fields(alert_source.id = %id))]
pub async fn destroy(
    store: &Store,
    by: &Actor,
    id: SourceId,
    random: &Random,
    now: Timestamp,
) -> Result<(), AppError> {
    let allowed = by.may(Permission::ConfigureOnCall)?;
    let (org, by) = (by.org(), by.identity());
    retry_conflicts(|| async move {
        let source = find(store, org, id).await?;
        let end = source.transition_to(SourceState::Destroyed, now)?.because(by.to_string(), "destroyed");
        let thing = super::thing(end.after());
        let entry = AuditEntry::of(&allowed, AuditId::new(now, random()), AuditAction::Deleted, thing);
        store.commit(Commit::new().source(end, Some(&source), &entry)).await?;
        Ok(())
    })
    .await
}
