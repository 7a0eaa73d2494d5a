//! API keys.

pub mod create;
pub mod revoke;
pub mod update;

use domain::access::{Allowed, KeyRole};
use domain::api_key::ApiKey;
use domain::audit::{AuditTarget, Kind};
use domain::id::{ApiKeyId, OrgId};
use store::Store;

use crate::AppError;
use crate::seal::Seal;

/// How long a name may be.
const NAME_BYTES: usize = 100;
/// How long comments may be.
const COMMENT_BYTES: usize = 1000;

/// A key, as the audit log names it.
pub(crate) fn thing(key: &ApiKey) -> AuditTarget {
    AuditTarget::new(Kind::ApiKey, key.id, &key.name)
}

/// What a program shows: long, random, and told once.
pub(crate) fn token(seal: &Seal) -> String {
    format!("fb_{}", seal.random_token(30))
}

/// Finds a key.
///
/// # Errors
/// [`AppError::NotFound`] if there is none.
pub async fn find(store: &Store, org: OrgId, id: ApiKeyId) -> Result<ApiKey, AppError> {
    store.api_key(org, id).await?.ok_or_else(|| AppError::not_found("API key", id))
}

/// What a key is to be.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its name.
    pub name: String,
    /// What it is for, in words.
    pub comments: String,
    /// What it may do.
    pub roles: Vec<KeyRole>,
}

/// Says what is wrong with a key that somebody asks for: nobody gives a key more than they may do themselves.
fn check(allowed: &Allowed<'_>, asked: &Asked) -> Result<(), AppError> {
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

/// Says whether somebody may do all that these roles allow.
fn check_roles(allowed: &Allowed<'_>, roles: &[KeyRole]) -> Result<(), AppError> {
    for what in roles.iter().flat_map(|role| role.grants()) {
        allowed.actor().may(*what)?;
    }
    Ok(())
}
