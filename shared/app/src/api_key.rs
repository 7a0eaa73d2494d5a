//! API keys.

pub mod create;
pub mod revoke;
pub mod update;

use domain::access::{Allowed, KeyRole};
use domain::api_key::ApiKey;
use domain::audit::{AuditKind, AuditTarget};
use domain::id::{ApiKeyId, OrgId};
use store::Store;

use crate::AppError;
use crate::seal::Seal;

/// How long a name may be.
const NAME_BYTES: usize = 100;
/// How long comments may be.
const COMMENT_BYTES: usize = 1000;

/// The audit log's name of an API key.
pub(crate) fn thing(key: &ApiKey) -> AuditTarget {
    AuditTarget::new(AuditKind::ApiKey, key.id, &key.name)
}

/// A new token for an API key: long and random.
pub(crate) fn token(seal: &Seal) -> String {
    format!("fb_{}", seal.random_token(30))
}

/// Finds a key.
///
/// # Errors
/// [`AppError::NotFound`] if it does not exist.
pub async fn find(store: &Store, org: OrgId, id: ApiKeyId) -> Result<ApiKey, AppError> {
    store.api_key(org, id).await?.ok_or_else(|| AppError::not_found("API key", id))
}

/// The settings of an API key.
#[derive(Debug, Clone)]
pub struct ApiKeySettings {
    /// Its name.
    pub name: String,
    /// What the key is for.
    pub comments: String,
    /// Its roles.
    pub roles: Vec<KeyRole>,
}

/// Checks the settings of an API key. Nobody may give a key permissions that they do not have themselves.
fn check(allowed: &Allowed<'_>, asked: &ApiKeySettings) -> Result<(), AppError> {
    if asked.name.trim().is_empty() || asked.name.len() > NAME_BYTES {
        return Err(AppError::invalid("name", format!("the name must have 1 to {NAME_BYTES} bytes")));
    }
    if asked.comments.len() > COMMENT_BYTES {
        return Err(AppError::invalid(
            "comments",
            format!("comments may have at most {COMMENT_BYTES} bytes"),
        ));
    }
    check_roles(allowed, &asked.roles)
}

/// Checks that the actor has every permission of these roles.
fn check_roles(allowed: &Allowed<'_>, roles: &[KeyRole]) -> Result<(), AppError> {
    for what in roles.iter().flat_map(|role| role.grants()) {
        allowed.actor().may(*what)?;
    }
    Ok(())
}
