//! Verifies id tokens: signature, issuer, audience, nonce and times.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Timestamp;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::OidcError;

/// The allowed clock difference, in seconds.
const SKEW: i64 = 60;

/// The bytes of a token.
const MOST_BYTES: usize = 64 * 1024;

/// A signing key of a provider, by its algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    name: Option<String>,
    public: Public,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Public {
    /// For RS256: modulus and exponent.
    Rsa(Vec<u8>, Vec<u8>),
    /// For ES256: a point, not compressed.
    P256(Vec<u8>),
}

impl Key {
    /// Says whether this is its key id.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name)
    }

    /// Verifies a signature. The key's own algorithm is used, whatever the token's header says.
    fn has_signed(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        match (&self.public, algorithm) {
            (Public::Rsa(n, e), "RS256") => RsaPublicKeyComponents { n, e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            (Public::P256(point), "ES256") => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            (Public::Rsa(..) | Public::P256(_), _) => false,
        }
    }
}

/// The keys of a provider, as it publishes them.
#[derive(Deserialize)]
pub(super) struct KeySet {
    keys: Vec<Value>,
}

/// The keys with supported algorithms; others are left out.
pub(super) fn keys_of(set: KeySet) -> Vec<Key> {
    set.keys.iter().filter_map(key_of).collect()
}

fn key_of(key: &Value) -> Option<Key> {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
    if text("use").is_some_and(|what| what != "sig") {
        return None;
    }
    let public = match (text("kty")?, text("crv")) {
        ("RSA", _) => {
            let modulus = bytes("n")?;
            let begin = modulus.iter().position(|byte| *byte != 0)?;
            Public::Rsa(modulus[begin..].to_vec(), bytes("e")?)
        }
        ("EC", Some("P-256")) => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != 32 || y.len() != 32 {
                return None;
            }
            Public::P256([vec![4], x, y].concat())
        }
        _ => return None,
    };
    Some(Key { name: text("kid").map(str::to_owned), public })
}

/// A parsed token that is not verified yet.
pub(super) struct Unverified<'a> {
    algorithm: String,
    name: Option<String>,
    message: &'a str,
    claims: Vec<u8>,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// The claims that are checked.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nonce: Option<String>,
    email: Option<String>,
    email_verified: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// The claims that a token must have.
pub(super) struct Expected<'a> {
    /// The expected issuer.
    pub(super) issuer: &'a str,
    /// The expected audience.
    pub(super) client_id: &'a str,
    /// The nonce of this sign-in.
    pub(super) nonce: &'a str,
    /// The time.
    pub(super) now: Timestamp,
}

impl<'a> Unverified<'a> {
    /// Parses a token.
    pub(super) fn parse(token: &'a str) -> Result<Self, OidcError> {
        let malformed = || OidcError::refused("its token is not valid");
        if token.len() > MOST_BYTES {
            return Err(malformed());
        }
        let (message, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = message.split_once('.').ok_or_else(malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed());
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| malformed())?;
        if header.crit.is_some() {
            return Err(OidcError::refused("its token has a critical header that is not supported"));
        }
        Ok(Self {
            algorithm: header.alg,
            name: header.kid,
            message,
            claims: decode(claims)?,
            signature: decode(signature)?,
        })
    }

    /// The key id in its header.
    pub(super) fn key_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The verified email address in the token, after all checks.
    pub(super) fn verified(&self, keys: &[Key], expected: &Expected<'_>) -> Result<String, OidcError> {
        let named = |key: &&Key| self.name.as_deref().is_none_or(|name| key.is_named(name));
        let signed = keys
            .iter()
            .filter(named)
            .any(|key| key.has_signed(&self.algorithm, self.message.as_bytes(), &self.signature));
        if !signed {
            return Err(OidcError::refused("its token is not signed by one of its keys with RS256 or ES256"));
        }
        let claims: Claims = serde_json::from_slice(&self.claims)
            .map_err(|_| OidcError::refused("its token lacks a required claim"))?;
        claims.check(expected)
    }
}

impl Claims {
    fn check(self, expected: &Expected<'_>) -> Result<String, OidcError> {
        let now = expected.now.as_second();
        let ours = match &self.aud {
            Audience::One(one) => one == expected.client_id,
            Audience::Many(many) => many.iter().any(|one| one == expected.client_id),
        };
        let shared = matches!(&self.aud, Audience::Many(many) if many.len() > 1);
        let authorized = self.azp.as_deref();
        let nonce = self.nonce.unwrap_or_default();
        let faults = [
            (
                self.iss.trim_end_matches('/') != expected.issuer.trim_end_matches('/'),
                "is from another issuer",
            ),
            (!ours, "is for another audience"),
            (
                shared && authorized.is_none(),
                "is for several audiences and does not name the authorised party",
            ),
            (authorized.is_some_and(|who| who != expected.client_id), "was issued to another client"),
            (self.exp <= now - SKEW, "has expired"),
            (self.iat > now + SKEW, "is not valid yet"),
            (!bool::from(nonce.as_bytes().ct_eq(expected.nonce.as_bytes())), "belongs to another sign-in"),
        ];
        if let Some((_, fault)) = faults.iter().find(|(is, _)| *is) {
            return Err(OidcError::refused(format!("its token {fault}")));
        }
        let verified = matches!(&self.email_verified, Some(Value::Bool(true)))
            || matches!(&self.email_verified, Some(Value::String(text)) if text == "true");
        match self.email {
            Some(email) if verified && !email.is_empty() => Ok(email),
            Some(_) | None => Err(OidcError::refused("it has not verified the email address")),
        }
    }
}

#[cfg(test)]
mod tests;
