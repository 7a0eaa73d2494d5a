//! The caller of a request. The extractor [`Caller`] is the only way for a handler to get an organisation.

use app::Context;
use axum::extract::FromRequestParts;
use domain::api_key::KeyHolder;
use domain::id::OrgId;
use domain::{Actor, Identity, Timestamp};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use jiff::SignedDuration;

use crate::ApiError;
use crate::bounded_cache::BoundedCache;

/// The caller of a request. A handler that does not take this has no organisation to use.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The organisation.
    pub org: OrgId,
    /// The identity that the history records.
    pub identity: Identity,
    /// The identity with its permissions.
    pub actor: Actor,
    /// The API key of the request.
    pub key: KeyHolder,
}

impl From<KeyHolder> for Caller {
    fn from(key: KeyHolder) -> Self {
        Self { org: key.org, identity: Identity::ApiKey(key.id), actor: key.actor(), key }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get().cloned().ok_or_else(ApiError::no_authorization)
    }
}

/// How long the lookup of a valid key is used again.
const VALID_FOR: SignedDuration = SignedDuration::from_secs(30);
/// How long the lookup of an unknown key is used again.
const UNKNOWN_FOR: SignedDuration = SignedDuration::from_secs(5);
/// How many lookups are cached.
const CAPACITY: usize = 4096;

/// The result of looking up an API key, valid until `expires_at`.
#[derive(Clone)]
struct KeyLookup {
    holder: Option<KeyHolder>,
    expires_at: Timestamp,
}

/// Recent lookups of API keys, by the hashes of the keys. The cache is bounded, so that requests with unknown keys cannot
/// remove the keys that are in use.
pub(crate) struct KeyCache(BoundedCache<String, KeyLookup>);

impl Default for KeyCache {
    fn default() -> Self {
        Self(BoundedCache::new(CAPACITY))
    }
}

impl KeyCache {
    /// Finds the caller of a request.
    ///
    /// # Errors
    /// [`ApiError`] if there is no key, the key is unknown, or the store cannot be read.
    pub(crate) async fn caller(&self, ctx: &Context, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let key = bearer(headers).ok_or_else(ApiError::no_authorization)?;
        let holder = self.holder(ctx, domain::api_key::hash(key)).await?;
        holder.map(Caller::from).ok_or_else(ApiError::wrong_authorization)
    }

    /// The holder of the key with a hash; `None` if the key is unknown.
    async fn holder(&self, ctx: &Context, hash: String) -> Result<Option<KeyHolder>, ApiError> {
        let now = ctx.now();
        if let Some(lookup) = self.0.get(&hash).filter(|lookup| now < lookup.expires_at) {
            return Ok(lookup.holder);
        }
        let holder = ctx.store.key_holder(&hash).await?;
        let expires_at = now + if holder.is_some() { VALID_FOR } else { UNKNOWN_FOR };
        self.0.insert(hash, KeyLookup { holder: holder.clone(), expires_at });
        Ok(holder)
    }
}

/// The bearer token of a request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}
