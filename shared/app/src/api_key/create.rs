//! Makes an API key.

use domain::access::Permission;
use domain::api_key::{ApiKey, hash};
use domain::audit::{AuditAction, Entry, changes};
use domain::id::{ApiKeyId, AuditId};
use domain::{Actor, Timestamp};
use store::{Commit, Store};
use tracing::instrument;

use super::{Asked, check, thing, token};
use crate::seal::Seal;
use crate::{AppError, Random};

/// Makes a key; what the program shows is returned once and kept only as a hash.
///
/// # Errors
/// [`AppError::Forbidden`] if it were to do what whoever asks may not do themselves.
#[instrument(skip_all, err)]
pub async fn create(
    store: &Store,
    seal: &Seal,
    by: &Actor,
    asked: Asked,
    random: &Random,
    now: Timestamp,
) -> Result<(ApiKey, String), AppError> {
    let allowed = by.may(Permission::ManageApiKeys)?;
    check(&allowed, &asked)?;
    let token = token(seal);
    let Asked { name, comments, roles } = asked;
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
    let entry = Entry::of(&allowed, AuditId::new(now, random()), AuditAction::Created, thing(&key))
        .changing(changes(None, Some(&key)));
    store.commit(Commit::new().new_api_key(&key, &entry)).await?;
    Ok((key, token))
}
