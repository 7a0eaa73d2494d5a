//! Verification of deliveries: the only code that creates a [`Verified`].

use ::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Delivery;

mod signature;
pub mod sns;

pub use signature::Signature;
pub(crate) use signature::{Encoding, HeaderContent, SignedHeader, SigningKey};

/// A delivery that was verified. Parsing accepts only this type, so that parsing an unverified delivery does not
/// compile.
#[derive(Debug, Clone, Copy)]
pub struct Verified<'a>(Delivery<'a>);

impl<'a> Verified<'a> {
    /// The delivery.
    pub const fn delivery(&self) -> &Delivery<'a> {
        &self.0
    }
}

/// Why a delivery is refused with 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The delivery has no secret and no signature.
    #[error("the request contains no secret: send it as `Authorization: Bearer …` or as `?token=…`")]
    Missing,
    /// The secret is not that of the alert source, or the signature does not match the secret and the body.
    #[error("the secret or the signature does not match this alert source")]
    Wrong,
    /// The signature is valid, but its time is too far in the past or in the future. Somebody may be replaying a
    /// delivery that they saw.
    #[error("the time of the signature is more than five minutes off: check the clock of the sender")]
    Stale,
    /// The signature is valid, but SNS sent the message more than an hour ago. Somebody may be replaying a message
    /// that they saw.
    #[error("Amazon SNS sent this message more than an hour ago")]
    Replayed,
    /// The secret is right, but the message is not signed by the SNS topic that the alert source is subscribed to.
    #[error(
        "the message is not signed by the SNS topic of this alert source: turn raw message delivery off, and create \
         another alert source for another topic or for an EventBridge rule"
    )]
    WrongTopic,
}

/// Most secrets that are checked in one delivery.
const MOST_TOKENS: usize = 8;

/// Base64 as senders write it, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Verifies the secret in a delivery: a bearer token, the password of basic authentication, or `?token=`.
///
/// # Errors
/// [`VerifyError`] if the delivery has no secret, or only wrong ones.
pub(crate) fn token<'a>(
    delivery: &Delivery<'a>,
    secret: &SecretString,
    previous: Option<&SecretString>,
) -> Result<Verified<'a>, VerifyError> {
    token_or(delivery, None, secret, previous)
}

/// Verifies the secret in a delivery as [`token`] does. `own` is the secret that the delivery has in its sender's own
/// place, and is checked as well.
///
/// # Errors
/// [`VerifyError`] if the delivery has no secret, or only wrong ones.
pub(crate) fn token_or<'a>(
    delivery: &Delivery<'a>,
    own: Option<&[u8]>,
    secret: &SecretString,
    previous: Option<&SecretString>,
) -> Result<Verified<'a>, VerifyError> {
    let mut tokens = tokens(delivery);
    tokens.extend(own.filter(|own| !own.is_empty()).map(<[u8]>::to_vec));
    if tokens.is_empty() {
        return Err(VerifyError::Missing);
    }
    if tokens.iter().any(|token| is_right(token, secret, previous)) {
        Ok(Verified(*delivery))
    } else {
        Err(VerifyError::Wrong)
    }
}

/// The credentials of the first `Authorization` header with this scheme.
pub(crate) fn authorization_credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a [u8]> {
    headers.get_all(AUTHORIZATION).iter().find_map(|value| {
        let value = value.as_bytes().trim_ascii();
        let (given, rest) = value.split_at(value.iter().position(u8::is_ascii_whitespace)?);
        given.eq_ignore_ascii_case(scheme.as_bytes()).then(|| rest.trim_ascii())
    })
}

/// Adds a secret to a delivery as a bearer token.
pub(crate) fn add_bearer_token(headers: &mut HeaderMap, secret: &SecretString) {
    if let Ok(value) = HeaderValue::from_str(&format!("Bearer {}", secret.expose_secret())) {
        headers.insert(AUTHORIZATION, value);
    }
}

/// Verifies the secret in a header of its own. Without that header, verifies the secret as [`token`] does.
///
/// # Errors
/// [`VerifyError`] if the delivery has no secret, or only wrong ones.
pub(crate) fn token_in_header<'a>(
    header: &HeaderName,
    delivery: &Delivery<'a>,
    secret: &SecretString,
    previous: Option<&SecretString>,
) -> Result<Verified<'a>, VerifyError> {
    let given = delivery.headers.get(header).map(HeaderValue::as_bytes).unwrap_or_default();
    if given.is_empty() {
        return token(delivery, secret, previous);
    }
    if is_right(given, secret, previous) { Ok(Verified(*delivery)) } else { Err(VerifyError::Wrong) }
}

/// The hash of a secret, by which its alert source is found among those of its kind.
pub fn secret_hash(kind: &str, secret: &[u8]) -> String {
    let hash = Sha256::new().chain_update(kind).chain_update([0]).chain_update(secret).finalize();
    hex::encode(hash)
}

/// Whether a given token is the secret or the previous secret.
fn is_right(given: &[u8], secret: &SecretString, previous: Option<&SecretString>) -> bool {
    [Some(secret), previous].into_iter().flatten().any(|secret| equals(given, secret.expose_secret()))
}

/// Compares two secrets in constant time. Both are hashed first, so the time does not depend on their lengths either.
fn equals(given: &[u8], secret: &str) -> bool {
    let equal: bool = Sha256::digest(given).as_slice().ct_eq(Sha256::digest(secret).as_slice()).into();
    equal && !secret.is_empty()
}

/// All secrets in a delivery.
fn tokens(delivery: &Delivery<'_>) -> Vec<Vec<u8>> {
    let in_headers = delivery.headers.get_all(AUTHORIZATION).into_iter().filter_map(|value| {
        let value = value.as_bytes().trim_ascii();
        let scheme = value.iter().position(u8::is_ascii_whitespace)?;
        let (scheme, credentials) = value.split_at(scheme);
        let credentials = credentials.trim_ascii();
        match &*scheme.to_ascii_lowercase() {
            b"bearer" => Some(credentials.to_vec()),
            b"basic" => password(credentials),
            _ => None,
        }
    });
    let in_query = delivery.query.unwrap_or_default().split('&').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        // A plus is not decoded to a space, because secrets have no spaces and not every sender encodes a plus.
        (name == "token").then(|| percent_encoding::percent_decode_str(value).collect())
    });
    in_headers.chain(in_query).filter(|token| !token.is_empty()).take(MOST_TOKENS).collect()
}

/// The password of basic authentication. If the password is empty, as in `https://secret@host`, the user name.
fn password(credentials: &[u8]) -> Option<Vec<u8>> {
    let decoded = BASE64.decode(credentials).ok()?;
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    let (name, password) = (&decoded[..colon], &decoded[colon + 1..]);
    Some(if password.is_empty() { name } else { password }.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Authorization` headers, query and expected outcome.
    type TokenCase<'a> = (&'a [&'a str], Option<&'a str>, Result<(), VerifyError>);

    const SECRET: &str = "s3cret/with+signs=";

    fn verify(authorization: &[&str], query: Option<&str>) -> Result<(), VerifyError> {
        verify_with(authorization, query, SECRET, None)
    }

    fn verify_with(
        authorization: &[&str],
        query: Option<&str>,
        secret: &str,
        previous: Option<&str>,
    ) -> Result<(), VerifyError> {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        let delivery =
            Delivery { headers: &headers, path: "", query, body: b"", now: jiff::Timestamp::UNIX_EPOCH };
        token(&delivery, &secret.into(), previous.map(SecretString::from).as_ref()).map(|_| ())
    }

    #[test]
    fn secret_is_found_wherever_a_sender_puts_it() {
        let basic = format!("Basic {}", BASE64.encode(format!("any:name:{SECRET}")));
        let simple = format!("basic {}", BASE64.encode(format!("firebell:{SECRET}")));
        let unpadded = simple.trim_end_matches('=').to_owned();
        let as_name = format!("Basic {}", BASE64.encode(format!("{SECRET}:")));
        let bearer = format!("Bearer {SECRET}");
        let shouted = format!("BEARER   {SECRET} ");
        let cases: &[TokenCase<'_>] = &[
            (&[&bearer], None, Ok(())),
            (&[&shouted], None, Ok(())),
            (&[&simple], None, Ok(())),
            (&[&unpadded], None, Ok(())),
            (&[&as_name], None, Ok(())),
            (&[&basic], None, Err(VerifyError::Wrong)),
            (&[], Some("token=s3cret%2Fwith%2Bsigns%3D"), Ok(())),
            (&[], Some("token=s3cret%2fwith%2bsigns%3d&team=platform"), Ok(())),
            (&[], Some("team=a&token=s3cret/with+signs="), Ok(())),
            (&["Bearer wrong"], Some("token=s3cret/with+signs="), Ok(())),
            (&["Negotiate x", &bearer], None, Ok(())),
            (&[], Some("token=s3cret/with signs="), Err(VerifyError::Wrong)),
            (&[], Some("token=wrong"), Err(VerifyError::Wrong)),
            (&[], Some("token=%"), Err(VerifyError::Wrong)),
            (&[], Some("token=%zz%2"), Err(VerifyError::Wrong)),
            (&[], Some("token="), Err(VerifyError::Missing)),
            (&[], Some("xtoken=s3cret/with+signs="), Err(VerifyError::Missing)),
            (&[], Some("token"), Err(VerifyError::Missing)),
            (&["Bearer"], None, Err(VerifyError::Missing)),
            (&["Bearer "], None, Err(VerifyError::Missing)),
            (&["Basic !!!"], None, Err(VerifyError::Missing)),
            (&[SECRET], None, Err(VerifyError::Missing)),
            (&[], None, Err(VerifyError::Missing)),
        ];
        for (authorization, query, expected) in cases {
            assert_eq!(verify(authorization, *query), *expected, "{authorization:?} {query:?}");
        }
    }

    #[test]
    fn previous_secret_holds_beside_the_new_one() {
        assert_eq!(verify_with(&["Bearer old"], None, "new", Some("old")), Ok(()));
        assert_eq!(verify_with(&["Bearer new"], None, "new", Some("old")), Ok(()));
        assert_eq!(verify_with(&["Bearer old"], None, "new", None), Err(VerifyError::Wrong));
    }

    #[test]
    fn empty_secret_verifies_nothing() {
        assert_eq!(verify_with(&[], Some("token="), "", None), Err(VerifyError::Missing));
        assert_eq!(verify_with(&["Bearer x"], None, "", Some("")), Err(VerifyError::Wrong));
        assert!(!equals(b"", ""));
    }

    #[test]
    fn secret_with_a_tail_or_a_head_missing_is_wrong() {
        for wrong in [format!("{SECRET}x"), format!("{SECRET}%00"), SECRET[1..].to_owned()] {
            assert_eq!(verify(&[], Some(&format!("token={wrong}"))), Err(VerifyError::Wrong), "{wrong}");
        }
    }
}
