//! Revokes an API key.

use domain::access::Permission;
use domain::audit::{AuditAction, AuditEntry};
use domain::id::{ApiKeyId, AuditId};
use domain::{Actor, Timestamp};
use machine::retry_conflicts;
use store::{Commit, Store};
use tracing::instrument;

use super::{find, thing};
use crate::{AppError, Random};

/// Revokes an API key. Functions that cached it forget it within 30 seconds.
///
/// # Errors
/// [`AppError::NotFound`] if it does not exist.
#[instrument(skip_all, fields(api_key.id = %id))]
pub async fn revoke(
    store: &Store,
    by: &Actor,
    id: ApiKeyId,
    random: &Random,
    now: Timestamp,
) -> Result<(), AppError> {
    let allowed = by.may(Permission::ManageApiKeys)?;
    retry_conflicts(|| async move {
        let key = find(store, by.org(), id).await?;
        let entry = AuditEntry::of(&allowed, AuditId::new(now, random()), AuditAction::Deleted, thing(&key));
        Ok(store.commit(Commit::new().without_api_key(&key, &entry)).await?)
    })
    .await
}
