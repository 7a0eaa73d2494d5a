//! Changes an API key, or what the program shows.

use domain::access::{Allowed, Permission};
use domain::api_key::{ApiKey, hash};
use domain::audit::{AuditAction, Entry, changes};
use domain::id::{ApiKeyId, AuditId};
use domain::{Actor, Timestamp};
use machine::retry_conflicts;
use store::{Commit, Store};
use tracing::instrument;

use super::{Asked, check, check_roles, find, thing, token};
use crate::seal::Seal;
use crate::{AppError, Random};

/// Changes a key; the program shows what it has shown before.
///
/// # Errors
/// [`AppError::NotFound`] if there is none, [`AppError::Forbidden`] if it does now, or were to do, what whoever asks
/// may not do themselves.
#[instrument(skip_all, fields(api_key.id = %id), err)]
pub async fn update(
    store: &Store,
    by: &Actor,
    id: ApiKeyId,
    asked: &Asked,
    random: &Random,
    now: Timestamp,
) -> Result<ApiKey, AppError> {
    let allowed = by.may(Permission::ManageApiKeys)?;
    check(&allowed, asked)?;
    let change = |key: &ApiKey| {
        let Asked { name, comments, roles } = asked.clone();
        ApiKey { name, comments, roles, ..key.clone() }
    };
    save(store, &allowed, id, &change, random, now).await
}

/// Makes anew what the program shows; what it has shown before is no key any more.
///
/// # Errors
/// [`AppError::NotFound`] if there is none, [`AppError::Forbidden`] if it does what whoever asks may not do themselves.
#[instrument(skip_all, fields(api_key.id = %id), err)]
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

/// Saves a key as it is to be, from what it is.
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
        // Whoever may not do what the key does would have it for the asking.
        check_roles(allowed, &before.roles)?;
        let after = ApiKey { version: before.version + 1, ..change(&before) };
        let entry = Entry::of(allowed, AuditId::new(now, random()), AuditAction::Updated, thing(&after))
            .changing(changes(Some(&before), Some(&after)));
        store.commit(Commit::new().api_key(&before, &after, &entry)).await?;
        Ok(after)
    })
    .await
}
