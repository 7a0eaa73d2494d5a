//! The discovery document and the signing keys of a provider.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::Timestamp;
use egress::BodyEnd;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::token::{Key, keys_of};
use super::{Oidc, OidcError, Request, holds};

/// A cached value, and when it was fetched.
pub(super) type Kept<T> = (Timestamp, T);

/// The timeout of a request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long the discovery document is cached, in seconds.
const ENDPOINTS_HOLD: i64 = 3600;
/// How long the keys are cached, in seconds.
const KEYS_HOLD: i64 = 600;
/// How soon the keys may be fetched again because of an unknown key, in seconds.
const KEYS_AGAIN: i64 = 10;

/// The endpoints of a provider.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Endpoints {
    issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

impl Endpoints {
    /// Says whether the client secret is sent in a header, which is the standard's default.
    pub(super) fn takes_basic(&self) -> bool {
        let methods = &self.token_endpoint_auth_methods_supported;
        methods.is_empty() || methods.iter().any(|method| method == "client_secret_basic")
    }
}

impl Oidc {
    /// The provider's endpoints.
    pub(super) async fn endpoints(&self, now: Timestamp) -> Result<Arc<Endpoints>, OidcError> {
        if let Some((since, kept)) = kept(&self.endpoints)
            && holds(since, ENDPOINTS_HOLD, now)
        {
            return Ok(kept);
        }
        let issuer = self.settings.issuer.trim_end_matches('/');
        let found: Endpoints = self.get(&format!("{issuer}/.well-known/openid-configuration")).await?;
        if found.issuer.trim_end_matches('/') != issuer {
            return Err(OidcError::refused("its discovery document names another issuer"));
        }
        let all = [&found.authorization_endpoint, &found.token_endpoint, &found.jwks_uri];
        if !all.iter().all(|url| Self::is_safe(url)) {
            return Err(OidcError::refused("one of its endpoints does not use https"));
        }
        let found = Arc::new(found);
        keep(&self.endpoints, now, &found);
        Ok(found)
    }

    /// The keys that may have signed a token: those with this key id, or all keys if the token names none.
    pub(super) async fn keys(&self, name: Option<&str>, now: Timestamp) -> Result<Arc<Vec<Key>>, OidcError> {
        if let Some((since, kept)) = kept(&self.keys) {
            let there = name.is_none_or(|name| kept.iter().any(|key| key.is_named(name)));
            let hold = if there { KEYS_HOLD } else { KEYS_AGAIN };
            if holds(since, hold, now) {
                return Ok(kept);
            }
        }
        let endpoints = self.endpoints(now).await?;
        let found = Arc::new(keys_of(self.get(&endpoints.jwks_uri).await?));
        keep(&self.keys, now, &found);
        Ok(found)
    }

    async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T, OidcError> {
        let request = Request { url: url.to_owned(), form: None, authorization: None };
        self.ask(request).await
    }

    /// Sends a request and reads the response.
    pub(super) async fn ask<T: DeserializeOwned>(&self, request: Request) -> Result<T, OidcError> {
        let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        if let Some(authorization) = &request.authorization {
            let value = HeaderValue::from_str(authorization.expose_secret());
            let mut value =
                value.map_err(|_| OidcError::refused("its credentials are not a valid header"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let method = if request.form.is_some() { Method::POST } else { Method::GET };
        if method == Method::POST {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        }
        let body = request.form.unwrap_or_default().into();
        let response = self.client.send(method, &request.url, headers, body, TIMEOUT).await;
        let response = response.map_err(|error| OidcError::Away(error.to_string()))?;
        let status = response.status;
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(OidcError::Away(format!("it responded with {}", status.as_u16())));
        }
        if status != StatusCode::OK {
            return Err(OidcError::refused(format!("it responded with {}", status.as_u16())));
        }
        match response.end {
            BodyEnd::Complete => {}
            BodyEnd::TooLong => return Err(OidcError::refused("its response is too long")),
            BodyEnd::Broken => return Err(OidcError::Away("its response is incomplete".to_owned())),
        }
        serde_json::from_slice(&response.body)
            .map_err(|_| OidcError::refused("its response is not valid JSON"))
    }
}

/// The cached value, if there is one.
fn kept<T: Clone>(place: &Mutex<Option<Kept<Arc<T>>>>) -> Option<Kept<Arc<T>>> {
    place.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn keep<T>(place: &Mutex<Option<Kept<Arc<T>>>>, now: Timestamp, value: &Arc<T>) {
    *place.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, value.clone()));
}
