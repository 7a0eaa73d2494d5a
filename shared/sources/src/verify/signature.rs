//! Signatures: what senders put over the raw bytes, and how each of them writes it.

use ::http::header::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine;
use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};

use super::{BASE64, Verified, VerifyError};
use crate::Delivery;

/// How far the time of a signature may be from ours, to either side. Senders that say how far name five minutes.
pub(crate) const WINDOW: SignedDuration = SignedDuration::from_mins(5);

/// How many signatures one delivery may carry; during a rotation there are two.
const MOST_SIGNATURES: usize = 16;

/// How a sender signs: an HMAC-SHA256 under the secret.
#[derive(Debug)]
pub struct Signature {
    /// The header that carries it.
    pub(crate) header: &'static str,
    /// What stands before each signature; what has another thing there is of another version, and passed over.
    pub(crate) prefix: &'static str,
    /// What stands between two signatures, where there may be several.
    pub(crate) between: Option<char>,
    /// How the bytes are written.
    pub(crate) written: Written,
    /// The headers that are signed before the body, in their order.
    pub(crate) stamps: &'static [Stamp],
    /// What of the secret is the key.
    pub(crate) key: Key,
}

impl Signature {
    /// The header that carries it.
    pub const fn header(&self) -> &'static str {
        self.header
    }
}

/// How the bytes of a signature are written.
#[derive(Debug)]
pub(crate) enum Written {
    /// Hexadecimal digits, in lower case as every sender writes them.
    Hex,
    /// Base64.
    Base64,
}

/// What of a secret is the key.
#[derive(Debug)]
pub(crate) enum Key {
    /// Its text.
    Text,
    /// What follows on `whsec_` in base64, as Standard Webhooks has it; of a secret without it, its text.
    Whsec,
}

/// A header that is signed with the body.
#[derive(Debug)]
pub(crate) struct Stamp {
    /// The header.
    pub(crate) header: &'static str,
    /// What it says.
    pub(crate) says: Says,
    /// What stands between it and what is signed after it.
    pub(crate) then: &'static str,
}

/// What a stamp says.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Says {
    /// Which delivery it is.
    Id,
    /// When it was signed, in seconds since 1970.
    Seconds,
    /// When it was signed, as RFC 3339 has it.
    Rfc3339,
}

impl Says {
    /// The time that a stamp names; none if it names none, an error if it cannot be read.
    fn time(self, stamp: &[u8]) -> Result<Option<Timestamp>, VerifyError> {
        let text = std::str::from_utf8(stamp).map_err(|_| VerifyError::Stale)?;
        let time = match self {
            Self::Id => return Ok(None),
            Self::Seconds => text.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok()),
            Self::Rfc3339 => text.parse().ok(),
        };
        time.map(Some).ok_or(VerifyError::Stale)
    }

    /// What a sender would write, for a body of its own.
    fn write(self, body: &[u8], now: Timestamp) -> String {
        match self {
            Self::Id => format!("msg_{}", domain::text::fingerprint(body, 24)),
            Self::Seconds => now.as_second().to_string(),
            Self::Rfc3339 => now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }
}

impl Signature {
    /// A signature over the body alone, in hexadecimal digits.
    pub(crate) const fn hex(header: &'static str, prefix: &'static str) -> Self {
        Self { header, prefix, between: None, written: Written::Hex, stamps: &[], key: Key::Text }
    }

    /// Whether a delivery carries one.
    pub(crate) fn is_on(&self, delivery: &Delivery<'_>) -> bool {
        delivery.headers.contains_key(self.header)
    }

    /// Verifies a delivery. That it is old is said only of what is signed rightly.
    ///
    /// # Errors
    /// [`VerifyError`] if there is no signature, none that is right, or one from too long ago.
    pub(crate) fn verify<'a>(
        &self,
        delivery: &Delivery<'a>,
        secret: &SecretString,
        previous: Option<&SecretString>,
    ) -> Result<Verified<'a>, VerifyError> {
        let given = delivery.headers.get(self.header).map(HeaderValue::as_bytes).unwrap_or_default();
        if given.is_empty() {
            return Err(VerifyError::Missing);
        }
        let given: Vec<_> = self.signatures(given).take(MOST_SIGNATURES).collect();
        let stamped = self.stamped(delivery.headers).ok_or(VerifyError::Wrong)?;
        let right = [Some(secret), previous].into_iter().flatten().any(|secret| {
            let Some(made) = self.made(secret, &stamped, delivery.body) else { return false };
            given.iter().any(|given| subtle::ConstantTimeEq::ct_eq(given.as_slice(), made.as_ref()).into())
        });
        if !right {
            return Err(VerifyError::Wrong);
        }
        for stamp in self.stamps {
            let value = delivery.headers.get(stamp.header).map(HeaderValue::as_bytes).unwrap_or_default();
            let signed_at = stamp.says.time(value)?;
            if signed_at.is_some_and(|at| delivery.now.duration_since(at).abs() > WINDOW) {
                return Err(VerifyError::Stale);
            }
        }
        Ok(Verified(*delivery))
    }

    /// Puts on a delivery what [`Signature::verify`] takes.
    pub(crate) fn sign(&self, headers: &mut HeaderMap, body: &[u8], secret: &SecretString, now: Timestamp) {
        for stamp in self.stamps {
            headers.insert(HeaderName::from_static(stamp.header), plain(&stamp.says.write(body, now)));
        }
        let stamped = self.stamped(headers).unwrap_or_default();
        let Some(made) = self.made(secret, &stamped, body) else { return };
        let written = match self.written {
            Written::Hex => made.as_ref().iter().map(|byte| format!("{byte:02x}")).collect(),
            Written::Base64 => BASE64.encode(made),
        };
        headers.insert(HeaderName::from_static(self.header), plain(&format!("{}{written}", self.prefix)));
    }

    /// The signatures that a header carries, of our version and whole.
    fn signatures(&self, header: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        let between = self.between;
        let parts = header.split(move |&byte| between.is_some_and(|between| byte == between as u8));
        parts.filter_map(|part| {
            let signature = part.trim_ascii().strip_prefix(self.prefix.as_bytes())?;
            match self.written {
                Written::Hex => from_hex(signature),
                Written::Base64 => BASE64.decode(signature).ok(),
            }
        })
    }

    /// What is signed before the body; none if a header of it is missing.
    fn stamped(&self, headers: &HeaderMap) -> Option<Vec<u8>> {
        let mut stamped = Vec::new();
        for stamp in self.stamps {
            stamped.extend_from_slice(headers.get(stamp.header)?.as_bytes());
            stamped.extend_from_slice(stamp.then.as_bytes());
        }
        Some(stamped)
    }

    /// The signature under a secret; an empty one makes none.
    fn made(&self, secret: &SecretString, stamped: &[u8], body: &[u8]) -> Option<hmac::Tag> {
        let secret = secret.expose_secret();
        let decoded = match self.key {
            Key::Text => None,
            Key::Whsec => secret.strip_prefix("whsec_").and_then(|key| BASE64.decode(key).ok()),
        };
        let key = decoded.as_deref().unwrap_or(secret.as_bytes());
        if key.is_empty() {
            return None;
        }
        let mut signing = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
        signing.update(stamped);
        signing.update(body);
        Some(signing.sign())
    }
}

/// A header value of plain characters.
fn plain(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("digits and base64 stand in a header")
}

/// The bytes that hexadecimal digits write; none if they are no such digits.
fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(value(*high)? << 4 | value(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "s3cret/with+signs=";
    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    /// A list of stamped ones, which has everything in it that one can have.
    const STAMPED: Signature = Signature {
        header: "x-signature",
        prefix: "v1,",
        between: Some(' '),
        written: Written::Base64,
        stamps: &[
            Stamp { header: "x-id", says: Says::Id, then: "." },
            Stamp { header: "x-time", says: Says::Seconds, then: "." },
        ],
        key: Key::Whsec,
    };

    fn outcome(
        scheme: &Signature,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), VerifyError> {
        let delivery = Delivery { headers, path: "", query: None, body, now };
        scheme.verify(&delivery, &SECRET.into(), None).map(|_| ())
    }

    #[test]
    fn signature_over_other_bytes_or_in_other_digits_is_wrong() {
        let scheme = Signature::hex("x-signature", "");
        let mut signed = HeaderMap::new();
        scheme.sign(&mut signed, b"{}", &SECRET.into(), NOW);
        let right = signed[scheme.header].to_str().unwrap().to_owned();
        let cases: &[(&str, &[u8], Result<(), VerifyError>)] = &[
            (&right, b"{}", Ok(())),
            (&right.to_uppercase(), b"{}", Err(VerifyError::Wrong)),
            (&right, b"{ }", Err(VerifyError::Wrong)),
            (&right[..62], b"{}", Err(VerifyError::Wrong)),
            (&right[1..], b"{}", Err(VerifyError::Wrong)),
            (&format!("{right}00"), b"{}", Err(VerifyError::Wrong)),
            (&format!("sha256={right}"), b"{}", Err(VerifyError::Wrong)),
            (&format!("{right},{right}"), b"{}", Err(VerifyError::Wrong)),
            ("zz", b"{}", Err(VerifyError::Wrong)),
            ("", b"{}", Err(VerifyError::Missing)),
        ];
        for (signature, body, expected) in cases {
            let headers = HeaderMap::from_iter([(HeaderName::from_static(scheme.header), plain(signature))]);
            assert_eq!(outcome(&scheme, &headers, body, NOW), *expected, "{signature}");
        }
    }

    #[test]
    fn one_right_signature_in_a_list_is_enough_and_other_versions_do_not_count() {
        let mut signed = HeaderMap::new();
        STAMPED.sign(&mut signed, b"{}", &SECRET.into(), NOW);
        let right = signed[STAMPED.header].to_str().unwrap().to_owned();
        let other = right.replace("v1,", "v2,");
        let cases = [
            (format!("v1,AAAA {right}"), Ok(())),
            (format!("{right} {other}"), Ok(())),
            (format!("{other} v1a,xx {right} "), Ok(())),
            (other.clone(), Err(VerifyError::Wrong)),
            (format!("{}{right}", "v1,AAAA ".repeat(MOST_SIGNATURES)), Err(VerifyError::Wrong)),
        ];
        for (list, expected) in cases {
            let mut headers = signed.clone();
            headers.insert(STAMPED.header, plain(&list));
            assert_eq!(outcome(&STAMPED, &headers, b"{}", NOW), expected, "{list}");
        }
    }

    #[test]
    fn signature_holds_for_five_minutes_to_either_side() {
        let mut signed = HeaderMap::new();
        STAMPED.sign(&mut signed, b"{}", &SECRET.into(), NOW);
        let at = |seconds| NOW + SignedDuration::from_secs(seconds);

        for seconds in [-300, -1, 0, 299, 300] {
            assert_eq!(outcome(&STAMPED, &signed, b"{}", at(seconds)), Ok(()), "{seconds}");
        }
        for seconds in [-301, 301, 86_400, i64::from(i32::MAX)] {
            let refused = outcome(&STAMPED, &signed, b"{}", at(seconds));
            assert_eq!(refused, Err(VerifyError::Stale), "{seconds}");
        }
        // Only whoever knows the secret is told that it is late.
        assert_eq!(outcome(&STAMPED, &signed, b"{ }", at(301)), Err(VerifyError::Wrong));
    }

    #[test]
    fn stamp_that_is_missing_changed_or_no_time_is_refused() {
        let mut signed = HeaderMap::new();
        STAMPED.sign(&mut signed, b"{}", &SECRET.into(), NOW);
        for stamp in STAMPED.stamps {
            let mut without = signed.clone();
            without.remove(stamp.header);
            assert_eq!(outcome(&STAMPED, &without, b"{}", NOW), Err(VerifyError::Wrong));
            let mut other = signed.clone();
            other.insert(stamp.header, plain("1800000001"));
            assert_eq!(outcome(&STAMPED, &other, b"{}", NOW), Err(VerifyError::Wrong));
        }
        for said in [Says::Seconds, Says::Rfc3339] {
            for text in ["", "soon", "99999999999999999999", "-1e9", "\u{e9}"] {
                assert_eq!(said.time(text.as_bytes()), Err(VerifyError::Stale), "{text}");
            }
        }
    }

    #[test]
    fn empty_secret_signs_nothing_and_verifies_nothing() {
        for (scheme, empty) in [(Signature::hex("x-signature", ""), ""), (STAMPED, ""), (STAMPED, "whsec_")] {
            let mut headers = HeaderMap::new();
            scheme.sign(&mut headers, b"{}", &empty.into(), NOW);
            assert!(!headers.contains_key(scheme.header));

            // What HMAC would make of an empty key.
            let made = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b""), b"{}");
            let hex: String = made.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            headers.insert(scheme.header, plain(&hex));
            let delivery = Delivery { headers: &headers, path: "", query: None, body: b"{}", now: NOW };
            assert!(scheme.verify(&delivery, &empty.into(), Some(&empty.into())).is_err());
        }
    }
}
