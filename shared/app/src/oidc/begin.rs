//! Starts a sign-in: redirects the browser to the provider with a state that it must return.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Timestamp;
use jiff::SignedDuration;
use ring::digest::{SHA256, digest};
use tracing::instrument;

use super::{Oidc, OidcError};
use crate::seal::Seal;

/// How long a sign-in at the provider may take.
pub const GOOD_FOR: SignedDuration = SignedDuration::from_mins(10);

/// What the signature is for.
const PURPOSE: &str = "oidc";

/// The redirect to the provider, and the cookie that the browser keeps until it returns.
#[derive(Debug, Clone)]
pub struct Begun {
    /// The address at the provider.
    pub url: String,
    /// The value of the cookie.
    pub kept: String,
}

/// The state of a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignInState {
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
    until: Timestamp,
}

impl SignInState {
    fn text(&self) -> String {
        format!("{}.{}.{}.{}", self.state, self.nonce, self.verifier, self.until.as_second())
    }

    /// Reads the cookie of a browser, if Firebell signed it recently.
    pub(super) fn read(seal: &Seal, kept: &str, now: Timestamp) -> Option<Self> {
        let (text, signature) = kept.rsplit_once('.')?;
        if !seal.is_signed(PURPOSE, text, signature) {
            return None;
        }
        let mut parts = text.split('.').map(str::to_owned);
        let (state, nonce, verifier) = (parts.next()?, parts.next()?, parts.next()?);
        let until = Timestamp::from_second(parts.next()?.parse().ok()?).ok()?;
        (until > now).then_some(Self { state, nonce, verifier, until })
    }
}

/// The redirect URI.
pub(super) fn redirect_uri(public_url: &str) -> String {
    format!("{public_url}/sign-in/oidc/callback")
}

/// Encodes a text for a query or a form.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Starts a sign-in: looks up the provider's endpoints and makes the redirect.
///
/// # Errors
/// [`OidcError`] if the provider cannot be asked.
#[instrument(skip_all)]
pub async fn begin(oidc: &Oidc, seal: &Seal, public_url: &str, now: Timestamp) -> Result<Begun, OidcError> {
    let endpoints = oidc.endpoints(now).await?;
    let random = || seal.random_token(32);
    let sent = SignInState { state: random(), nonce: random(), verifier: random(), until: now + GOOD_FOR };
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, sent.verifier.as_bytes()));
    let redirect_uri = redirect_uri(public_url);
    let fields = [
        ("response_type", "code"),
        ("scope", "openid email"),
        ("client_id", oidc.settings.client_id.as_str()),
        ("redirect_uri", redirect_uri.as_str()),
        ("state", sent.state.as_str()),
        ("nonce", sent.nonce.as_str()),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let query: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let at = &endpoints.authorization_endpoint;
    let join = if at.contains('?') { '&' } else { '?' };
    let text = sent.text();
    let kept = format!("{text}.{}", seal.sign(PURPOSE, &text));
    Ok(Begun { url: format!("{at}{join}{}", query.join("&")), kept })
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn what_a_browser_keeps_is_good_for_ten_minutes_and_cannot_be_made_up() {
        let seal = Seal::new(&SecretString::from("key"));
        let now = Timestamp::UNIX_EPOCH;
        let part = |text: &str| text.to_owned();
        let sent =
            SignInState { state: part("s"), nonce: part("n"), verifier: part("v"), until: now + GOOD_FOR };
        let text = sent.text();
        let kept = format!("{text}.{}", seal.sign(PURPOSE, &text));

        assert_eq!(SignInState::read(&seal, &kept, now), Some(sent));
        assert_eq!(SignInState::read(&seal, &kept, now + GOOD_FOR), None);
        assert_eq!(SignInState::read(&seal, &kept.replacen('s', "t", 1), now), None);
        assert_eq!(SignInState::read(&seal, "", now), None);
    }

    #[test]
    fn values_cannot_leave_their_place_in_a_query() {
        assert_eq!(encoded("a b&c=d/ü~"), "a%20b%26c%3Dd%2F%C3%BC~");
    }
}
