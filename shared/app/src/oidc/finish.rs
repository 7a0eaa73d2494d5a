//! Finishes a sign-in when the browser returns from the provider.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Timestamp;
use domain::sign_in::SignInPerson;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use store::Store;
use subtle::ConstantTimeEq;
use tracing::instrument;

use super::begin::{SignInState, encoded, redirect_uri};
use super::provider::Endpoints;
use super::token::{Expected, Unverified};
use super::{Oidc, OidcError, Request};
use crate::seal::Seal;
use crate::{AppError, Random};

/// What the browser returns with.
#[derive(Debug, Clone)]
pub struct Brought<'a> {
    /// The cookie.
    pub kept: &'a str,
    /// The state parameter.
    pub state: &'a str,
    /// The authorisation code.
    pub code: &'a str,
}

/// The response of the token endpoint.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

/// The longest code.
const CODE_BYTES: usize = 4096;

/// Fetches and verifies the token, starts a session, and returns the session's token.
///
/// # Errors
/// [`OidcError`] saying why nobody is signed in.
#[instrument(skip_all)]
pub async fn finish(
    store: &Store,
    seal: &Seal,
    (oidc, public_url): (&Oidc, &str),
    brought: &Brought<'_>,
    random: &Random,
    now: Timestamp,
) -> Result<String, OidcError> {
    let sent = SignInState::read(seal, brought.kept, now).ok_or(OidcError::Forged)?;
    if !bool::from(sent.state.as_bytes().ct_eq(brought.state.as_bytes())) || brought.code.len() > CODE_BYTES {
        return Err(OidcError::Forged);
    }
    let endpoints = oidc.endpoints(now).await?;
    let request = oidc.exchange(&endpoints, public_url, brought.code, &sent.verifier);
    let Tokens { id_token } = oidc.ask(request).await?;
    let token = Unverified::parse(&id_token)?;
    let keys = oidc.keys(token.key_name(), now).await?;
    let settings = &oidc.settings;
    let expected =
        Expected { issuer: &settings.issuer, client_id: &settings.client_id, nonce: &sent.nonce, now };
    let email = token.verified(&keys, &expected)?;
    let (org, user) = store.person(&email).await.map_err(AppError::from)?.ok_or(OidcError::Nobody)?;
    let user = store.user(org, user).await.map_err(AppError::from)?.ok_or(OidcError::Nobody)?;
    let whom = SignInPerson { org, user: user.id };
    Ok(crate::session::begin::begin(store, seal, (whom, &user), random, now).await?)
}

impl Oidc {
    /// The request that exchanges a code for a token.
    fn exchange(&self, endpoints: &Endpoints, public_url: &str, code: &str, verifier: &str) -> Request {
        let (id, secret) = (self.settings.client_id.as_str(), self.settings.client_secret.expose_secret());
        let redirect_uri = redirect_uri(public_url);
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri.as_str()),
            ("client_id", id),
            ("code_verifier", verifier),
        ];
        let mut authorization = None;
        if endpoints.takes_basic() {
            let both = STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret)));
            authorization = Some(SecretString::from(format!("Basic {both}")));
        } else {
            fields.push(("client_secret", secret));
        }
        let form: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        Request { url: endpoints.token_endpoint.clone(), form: Some(form.join("&")), authorization }
    }
}
