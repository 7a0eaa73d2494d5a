//! Changes the settings of an API key, or rotates its token.

use domain::access::{Allowed, Permission};
use domain::api_key::{ApiKey, hash};
use domain::audit::{AuditAction, AuditEntry, changes};
use domain::id::{ApiKeyId, AuditId};
use domain::{Actor, Timestamp};
use machine::retry_conflicts;
use store::{Commit, Store};
use tracing::instrument;

use super::{ApiKeySettings, check, check_roles, find, thing, token};
use crate::seal::Seal;
use crate::{AppError, Random};

/// Changes the settings of an API key. Its token stays the same.
///
/// # Errors
/// [`AppError::NotFound`] if it does not exist, [`AppError::Forbidden`] if its old or new roles have permissions that
/// the actor lacks.
#[instrument(skip_all, fields(api_key.id = %id))]
pub async fn update(
    store: &Store,
    by: &Actor,
    id: ApiKeyId,
    asked: &ApiKeySettings,
    random: &Random,
    now: Timestamp,
) -> Result<ApiKey, AppError> {
    let allowed = by.may(Permission::ManageApiKeys)?;
    check(&allowed, asked)?;
    let change = |key: &ApiKey| {
        let ApiKeySettings { name, comments, roles } = asked.clone();
        ApiKey { name, comments, roles, ..key.clone() }
    };
    save(store, &allowed, id, &change, random, now).await
}

/// Rotates the token of an API key. The previous token stops working at once.
///
/// # Errors
/// [`AppError::NotFound`] if it does not exist, [`AppError::Forbidden`] if its roles have permissions that the actor lacks.
#[instrument(skip_all, fields(api_key.id = %id))]
pub async fn rotate(
    store: &Store,
    seal: &Seal,
    by: &Actor,
    id: ApiKeyId,
    random: &Random,
    now: Timestamp,
) -> Result<(ApiKey, String), AppError> {
    let allowed = by.may(Permission::ManageApiKeys)?;
    let token = token(seal);
    let change = |key: &ApiKey| ApiKey { hash: hash(&token), issued_at: now, ..key.clone() };
    let key = save(store, &allowed, id, &change, random, now).await?;
    Ok((key, token))
}

/// Saves a changed API key.
async fn save(
    store: &Store,
    allowed: &Allowed<'_>,
    id: ApiKeyId,
    change: &(dyn Fn(&ApiKey) -> ApiKey + Sync),
    random: &Random,
    now: Timestamp,
) -> Result<ApiKey, AppError> {
    retry_conflicts(|| async move {
        let before = find(store, allowed.actor().org(), id).await?;
        // Otherwise a person could obtain the permissions of a stronger key by rotating it.
        check_roles(allowed, &before.roles)?;
        let after = ApiKey { version: before.version + 1, ..change(&before) };
        let entry = AuditEntry::of(allowed, AuditId::new(now, random()), AuditAction::Updated, thing(&after))
            .changing(changes(Some(&before), Some(&after)));
        store.commit(Commit::new().api_key(&before, &after, &entry)).await?;
        Ok(after)
    })
    .await
}
