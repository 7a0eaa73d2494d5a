//! Who sent it: the only place that makes a [`Verified`].

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
pub(crate) use signature::{Key, Says, Stamp, Written};

/// A delivery whose sender is known. Parsing takes nothing else, so that unverified bytes do not type-check.
#[derive(Debug, Clone, Copy)]
pub struct Verified<'a>(Delivery<'a>);

impl<'a> Verified<'a> {
    /// What was delivered.
    pub const fn delivery(&self) -> &Delivery<'a> {
        &self.0
    }
}

/// Why the sender is not known; each is a 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It named no secret and has no signature.
    #[error("no secret was given: send it as `Authorization: Bearer …` or as `?token=…`")]
    Missing,
    /// It named another secret, or its signature was made with another or for other bytes.
    #[error("the secret is not that of this alert source")]
    Wrong,
    /// Its signature is right and was made too long ago, or is of a time to come: it may be sent by somebody who saw it.
    #[error("the signature was made more than five minutes from now: is the sender's clock right?")]
    Stale,
    /// Its signature is right, and SNS sent it more than an hour ago: somebody may send again what they saw.
    #[error("SNS sent it more than an hour ago")]
    Replayed,
    /// It names the secret, and is not signed by the one topic that this source is subscribed to.
    #[error(
        "it is not signed by the SNS topic that this source belongs to: raw message delivery must be off, and another \
         topic or an EventBridge rule needs a source of its own"
    )]
    Unpinned,
}

/// How many secrets one delivery may name.
const MOST_TOKENS: usize = 8;

/// Base64 as senders write it: with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Verifies a secret that the delivery carries as it is: a bearer token, the password of basic authentication, or
/// `?token=`.
///
/// # Errors
/// [`VerifyError`] if it carries none, or none that is right.
pub(crate) fn token<'a>(
    delivery: &Delivery<'a>,
    secret: &SecretString,
    previous: Option<&SecretString>,
) -> Result<Verified<'a>, VerifyError> {
    token_or(delivery, None, secret, previous)
}

/// The same, where a sender may also name its secret in a way of its own, which is `own`.
///
/// # Errors
/// [`VerifyError`] if it names none, or none that is right.
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
    if tokens.iter().any(|token| holds(token, secret, previous)) {
        Ok(Verified(*delivery))
    } else {
        Err(VerifyError::Wrong)
    }
}

/// The credentials of an `Authorization` of this scheme.
pub(crate) fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a [u8]> {
    headers.get_all(AUTHORIZATION).iter().find_map(|value| {
        let value = value.as_bytes().trim_ascii();
        let (given, rest) = value.split_at(value.iter().position(u8::is_ascii_whitespace)?);
        given.eq_ignore_ascii_case(scheme.as_bytes()).then(|| rest.trim_ascii())
    })
}

/// Puts a secret on a delivery as a bearer token.
pub(crate) fn bear(headers: &mut HeaderMap, secret: &SecretString) {
    if let Ok(value) = HeaderValue::from_str(&format!("Bearer {}", secret.expose_secret())) {
        headers.insert(AUTHORIZATION, value);
    }
}

/// Verifies a secret that the delivery carries as it is in a header of its own, or as [`token`] has it.
///
/// # Errors
/// [`VerifyError`] if it carries none, or none that is right.
pub(crate) fn token_in<'a>(
    header: &HeaderName,
    delivery: &Delivery<'a>,
    secret: &SecretString,
    previous: Option<&SecretString>,
) -> Result<Verified<'a>, VerifyError> {
    let given = delivery.headers.get(header).map(HeaderValue::as_bytes).unwrap_or_default();
    if given.is_empty() {
        return token(delivery, secret, previous);
    }
    if holds(given, secret, previous) { Ok(Verified(*delivery)) } else { Err(VerifyError::Wrong) }
}

/// The hash of a secret by which its source is found, among those of its kind.
pub fn key_hash(kind: &str, secret: &[u8]) -> String {
    let hash = Sha256::new().chain_update(kind).chain_update([0]).chain_update(secret).finalize();
    hash.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Whether what is given is the secret, or the one before it.
fn holds(given: &[u8], secret: &SecretString, previous: Option<&SecretString>) -> bool {
    [Some(secret), previous].into_iter().flatten().any(|secret| same(given, secret.expose_secret()))
}

/// Compares in a time that tells neither where two secrets differ nor, since both are hashed, how long they are.
fn same(given: &[u8], secret: &str) -> bool {
    let equal: bool = Sha256::digest(given).as_slice().ct_eq(Sha256::digest(secret).as_slice()).into();
    equal && !secret.is_empty()
}

/// Every secret that a delivery names.
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
        // A plus stays a plus: secrets have no spaces, and not every sender encodes a plus.
        (name == "token").then(|| percent_encoding::percent_decode_str(value).collect())
    });
    in_headers.chain(in_query).filter(|token| !token.is_empty()).take(MOST_TOKENS).collect()
}

/// The password of basic credentials; the name where the password is empty, as in `https://secret@host`.
fn password(credentials: &[u8]) -> Option<Vec<u8>> {
    let decoded = BASE64.decode(credentials).ok()?;
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    let (name, password) = (&decoded[..colon], &decoded[colon + 1..]);
    Some(if password.is_empty() { name } else { password }.to_vec())
}

#[cfg(test)]
mod tests {

    use super::*;

    /// Headers, query, outcome.
    type Case<'a> = (&'a [&'a str], Option<&'a str>, Result<(), VerifyError>);

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
        let cases: &[Case<'_>] = &[
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
    fn empty_secret_opens_no_door() {
        assert_eq!(verify_with(&[], Some("token="), "", None), Err(VerifyError::Missing));
        assert_eq!(verify_with(&["Bearer x"], None, "", Some("")), Err(VerifyError::Wrong));
        assert!(!same(b"", ""));
    }

    #[test]
    fn secret_with_a_tail_or_a_head_missing_is_wrong() {
        for wrong in [format!("{SECRET}x"), format!("{SECRET}%00"), SECRET[1..].to_owned()] {
            assert_eq!(verify(&[], Some(&format!("token={wrong}"))), Err(VerifyError::Wrong), "{wrong}");
        }
    }
}
