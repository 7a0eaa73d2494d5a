//! Signing in with an OpenID Connect provider: the code flow with PKCE, state and nonce.
//!
//! The operator chooses the provider. People are found by the email address that it verified.

pub mod begin;
pub mod finish;
mod provider;
mod token;

use std::sync::{Arc, Mutex};

use domain::Timestamp;
use egress::Client;
use secrecy::SecretString;

use self::provider::{Endpoints, Kept};
use self::token::Key;
use crate::AppError;

/// The most bytes of a response that are read.
const MAX_RESPONSE_BYTES: usize = 512 * 1024;

/// A request to the provider.
#[derive(Clone)]
struct Request {
    /// The URL.
    url: String,
    /// The form to post; a GET request if `None`.
    form: Option<String>,
    /// The `Authorization` header.
    authorization: Option<SecretString>,
}

/// The operator's settings for the provider.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its address.
    pub issuer: String,
    /// The client id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: SecretString,
}

/// A provider, with its cached discovery document and keys.
pub struct Oidc {
    settings: Settings,
    client: Client,
    endpoints: Mutex<Option<Kept<Arc<Endpoints>>>>,
    keys: Mutex<Option<Kept<Arc<Vec<Key>>>>>,
}

/// Why signing in failed.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The response does not belong to a sign-in that this browser started, or came too late.
    #[error("the response does not belong to a sign-in that this browser started: sign in again")]
    Forged,
    /// The provider refused, or its response is invalid.
    #[error("the identity provider's response is invalid: {0}")]
    Refused(String),
    /// The provider identified the person, but no user has that email address.
    #[error("no Firebell user has the email address that the identity provider verified")]
    Nobody,
    /// The provider cannot be reached.
    #[error("the identity provider cannot be reached: {0}")]
    Away(String),
    /// Firebell failed.
    #[error(transparent)]
    App(#[from] AppError),
}

impl OidcError {
    fn refused(why: impl Into<String>) -> Self {
        Self::Refused(why.into())
    }
}

impl Oidc {
    /// A provider with an empty cache. It is asked when somebody signs in.
    pub fn new(settings: Settings) -> Self {
        let client = Client::for_configured_urls(MAX_RESPONSE_BYTES);
        Self { settings, client, endpoints: Mutex::default(), keys: Mutex::default() }
    }

    /// The provider's host name, which the page shows.
    pub fn host(&self) -> &str {
        domain::text::web_host(&self.settings.issuer).unwrap_or_default()
    }

    /// Returns whether the URL of an issuer is allowed: it uses HTTPS, or it is on this machine.
    pub fn is_safe(url: &str) -> bool {
        egress::is_encrypted_or_local(url) && !url.contains('#')
    }
}

/// Says whether a cached value of that time is still valid.
fn holds(since: Timestamp, for_seconds: i64, now: Timestamp) -> bool {
    now.duration_since(since).as_secs() < for_seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provider_is_asked_encrypted_or_on_this_machine() {
        for good in
            ["https://idp.example.com", "http://127.0.0.1:8000", "http://localhost/realm", "http://[::1]:1"]
        {
            assert!(Oidc::is_safe(good), "{good}");
        }
        for bad in [
            "http://idp.example.com",
            "http://127.0.0.1.example.com",
            "http://127.0.0.1@evil.example",
            "ftp://x",
            "idp.example.com",
            "",
        ] {
            assert!(!Oidc::is_safe(bad), "{bad}");
        }
    }
}
