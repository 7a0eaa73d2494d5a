//! Creates an API key.

use domain::access::Permission;
use domain::api_key::{ApiKey, hash};
use domain::audit::{AuditAction, AuditEntry, changes};
use domain::id::{ApiKeyId, AuditId};
use domain::{Actor, Timestamp};
use store::{Commit, Store};
use tracing::instrument;

use super::{ApiKeySettings, check, thing, token};
use crate::seal::Seal;
use crate::{AppError, Random};

/// Creates an API key. The token is returned once; only its hash is stored.
///
/// # Errors
/// [`AppError::Forbidden`] if its roles have permissions that the actor lacks.
#[instrument(skip_all)]
pub async fn create(
    store: &Store,
    seal: &Seal,
    by: &Actor,
    asked: ApiKeySettings,
    random: &Random,
    now: Timestamp,
) -> Result<(ApiKey, String), AppError> {
    let allowed = by.may(Permission::ManageApiKeys)?;
    check(&allowed, &asked)?;
    let token = token(seal);
    let ApiKeySettings { name, comments, roles } = asked;
    let key = ApiKey {
        id: ApiKeyId::new(now, random()),
        name,
        comments,
        roles,
        hash: hash(&token),
        creator: by.identity().clone(),
        created_at: now,
        issued_at: now,
        version: 1,
    };
    let entry = AuditEntry::of(&allowed, AuditId::new(now, random()), AuditAction::Created, thing(&key))
        .changing(changes(None, Some(&key)));
    store.commit(Commit::new().new_api_key(&key, &entry)).await?;
    Ok((key, token))
}
