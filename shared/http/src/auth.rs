//! Who asks: the only way to an organisation is the extractor [`Caller`].

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

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

/// Who asks. A handler that does not take this has no organisation to use.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The organisation.
    pub org: OrgId,
    /// The name in the history.
    pub identity: Identity,
    /// The same, with what it may do.
    pub actor: Actor,
    /// The key that was used.
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

/// How long a known key holds without being looked up.
const KEPT: SignedDuration = SignedDuration::from_secs(30);
/// How long an unknown key stays unknown.
const DOUBTED: SignedDuration = SignedDuration::from_secs(5);
/// How many keys are kept.
const MOST: usize = 4096;

/// What is known of a key, and since when.
struct Known {
    holder: Option<KeyHolder>,
    since: Timestamp,
}

/// The keys that this function knows, by their hashes.
#[derive(Default)]
pub(crate) struct Keys(Mutex<HashMap<String, Known>>);

impl Keys {
    /// Finds out who asks.
    pub(crate) async fn caller(&self, ctx: &Context, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let key = bearer(headers).ok_or_else(ApiError::no_authorization)?;
        let holder = self.holder(ctx, &domain::api_key::hash(key)).await?;
        holder.map(Caller::from).ok_or_else(ApiError::wrong_authorization)
    }

    async fn holder(&self, ctx: &Context, hash: &str) -> Result<Option<KeyHolder>, ApiError> {
        let now = ctx.now();
        if let Some(known) = self.known(hash, now) {
            return Ok(known);
        }
        let holder = ctx.store.key_holder(hash).await?;
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= MOST {
            keys.clear();
        }
        keys.insert(hash.to_owned(), Known { holder: holder.clone(), since: now });
        Ok(holder)
    }

    /// What is known of a key, while that holds.
    fn known(&self, hash: &str, now: Timestamp) -> Option<Option<KeyHolder>> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = keys.get(hash)?;
        let holds = if known.holder.is_some() { KEPT } else { DOUBTED };
        (now.duration_since(known.since) < holds).then(|| known.holder.clone())
    }
}

/// The bearer key of a request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}
