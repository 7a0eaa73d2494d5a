//! Signing in by a provider of OpenID Connect: the code flow, with PKCE, state and nonce.
//!
//! The provider is the operator's own choice; people are found by the address that it has verified.

pub mod begin;
pub mod finish;
mod provider;
mod token;

use std::sync::{Arc, Mutex};

use domain::Timestamp;
use futures_util::future::BoxFuture;
use machine::BoxError;
use secrecy::SecretString;

use self::provider::{Endpoints, Kept};
use self::token::Key;
use crate::AppError;

/// One request to the provider.
#[derive(Clone)]
pub struct Request {
    /// Where to.
    pub url: String,
    /// What is posted, as a form; without it, it is fetched.
    pub form: Option<String>,
    /// What is said of who asks, as the header of that name.
    pub authorization: Option<SecretString>,
}

/// What the provider answers.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body, as far as it was read.
    pub body: Vec<u8>,
}

/// Asks a provider over the network.
pub trait Fetch: Send + Sync {
    /// Sends one request, within ten seconds, and follows nothing.
    fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Answer, BoxError>>;
}

/// What the operator says of the provider.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its address.
    pub issuer: String,
    /// Who we are there.
    pub client_id: String,
    /// How we show that.
    pub client_secret: SecretString,
}

/// A provider, with what was fetched of it.
pub struct Oidc {
    settings: Settings,
    fetch: Arc<dyn Fetch>,
    endpoints: Mutex<Option<Kept<Arc<Endpoints>>>>,
    keys: Mutex<Option<Kept<Arc<Vec<Key>>>>>,
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// What came back is not the answer to what this browser was sent with, or came too late.
    #[error("the response does not belong to a sign-in that this browser started: sign in again")]
    Forged,
    /// The provider said no, or what it said cannot be believed.
    #[error("the identity provider's response is invalid: {0}")]
    Refused(String),
    /// The provider knows who it is, and we do not.
    #[error("no Firebell user has the email address that the identity provider verified")]
    Nobody,
    /// The provider cannot be asked just now.
    #[error("the identity provider cannot be reached: {0}")]
    Away(String),
    /// We failed.
    #[error(transparent)]
    App(#[from] AppError),
}

impl OidcError {
    fn refused(why: impl Into<String>) -> Self {
        Self::Refused(why.into())
    }
}

impl Oidc {
    /// Knows nothing of the provider yet; it is asked when somebody signs in.
    pub fn new(settings: Settings, fetch: Arc<dyn Fetch>) -> Self {
        Self { settings, fetch, endpoints: Mutex::default(), keys: Mutex::default() }
    }

    /// The provider's host, for people.
    pub fn host(&self) -> &str {
        let rest = self.settings.issuer.split_once("://").map_or("", |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }

    /// Says whether an issuer may be asked: encrypted, or on this machine.
    pub fn is_safe(url: &str) -> bool {
        if url.contains(['@', '#', ' ']) {
            return false;
        }
        let Some(rest) = url.strip_prefix("http://") else { return url.starts_with("https://") };
        let host = rest.split('/').next().unwrap_or(rest);
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        ["127.0.0.1", "localhost", "[::1]"].contains(&name)
    }
}

/// Says whether something that was kept since then still holds.
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
