//! Signatures that senders compute over the raw bytes of a delivery, in the formats that they use.

use ::http::header::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine;
use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};

use super::{BASE64, Verified, VerifyError};
use crate::Delivery;

/// Largest difference between the time of a signature and ours, in either direction. Senders that document a value
/// document five minutes.
pub(crate) const WINDOW: SignedDuration = SignedDuration::from_mins(5);

/// Most signatures that are checked in one delivery. During a rotation there are two.
const MOST_SIGNATURES: usize = 16;

/// A format of signatures: HMAC-SHA256 with the secret as the key.
#[derive(Debug)]
pub struct Signature {
    /// The header that contains the signature.
    pub(crate) header: &'static str,
    /// The text in front of each signature. Signatures with another prefix are of another version, and ignored.
    pub(crate) prefix: &'static str,
    /// The character between two signatures, if the header may contain several.
    pub(crate) separator: Option<char>,
    /// How the bytes of the signature are encoded.
    pub(crate) encoding: Encoding,
    /// The headers that are signed in front of the body, in this order.
    pub(crate) signed_headers: &'static [SignedHeader],
    /// How the key is derived from the secret.
    pub(crate) key: SigningKey,
}

impl Signature {
    /// The header that contains the signature.
    pub const fn header(&self) -> &'static str {
        self.header
    }
}

/// The encoding of a signature.
#[derive(Debug)]
pub(crate) enum Encoding {
    /// Hexadecimal digits in lower case, which is how every sender writes them.
    Hex,
    /// Base64.
    Base64,
}

/// How the key is derived from the secret.
#[derive(Debug)]
pub(crate) enum SigningKey {
    /// The key is the text of the secret.
    Text,
    /// The key is the base64 text after `whsec_`, as in Standard Webhooks. Without that prefix it is the text.
    Whsec,
}

/// A header that is signed together with the body.
#[derive(Debug)]
pub(crate) struct SignedHeader {
    /// The name of the header.
    pub(crate) header: &'static str,
    /// What the header contains.
    pub(crate) content: HeaderContent,
    /// The text between this header and what is signed after it.
    pub(crate) separator: &'static str,
}

/// The content of a signed header.
#[derive(Debug, Clone, Copy)]
pub(crate) enum HeaderContent {
    /// The id of the delivery.
    Id,
    /// The time of the signature, in seconds since 1970.
    Seconds,
    /// The time of the signature, in the format of RFC 3339.
    Rfc3339,
}

impl HeaderContent {
    /// Reads the time from the value of a signed header. `None` if the header contains no time.
    ///
    /// # Errors
    /// [`VerifyError::Stale`] if the time cannot be read.
    fn time(self, signed_header: &[u8]) -> Result<Option<Timestamp>, VerifyError> {
        let text = std::str::from_utf8(signed_header).map_err(|_| VerifyError::Stale)?;
        let time = match self {
            Self::Id => return Ok(None),
            Self::Seconds => text.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok()),
            Self::Rfc3339 => text.parse().ok(),
        };
        time.map(Some).ok_or(VerifyError::Stale)
    }

    /// The value that a sender would write for a body.
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
        Self {
            header,
            prefix,
            separator: None,
            encoding: Encoding::Hex,
            signed_headers: &[],
            key: SigningKey::Text,
        }
    }

    /// Whether a delivery has a signature of this format.
    pub(crate) fn is_on(&self, delivery: &Delivery<'_>) -> bool {
        delivery.headers.contains_key(self.header)
    }

    /// Verifies a delivery. The time is checked last, so that only a sender with the right secret learns that the
    /// delivery is too old.
    ///
    /// # Errors
    /// [`VerifyError`] if the delivery has no signature, only wrong ones, or one that is too old.
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
        let signed_prefix = self.signed_prefix(delivery.headers).ok_or(VerifyError::Wrong)?;
        let right = [Some(secret), previous].into_iter().flatten().any(|secret| {
            let Some(made) = self.compute(secret, &signed_prefix, delivery.body) else { return false };
            given.iter().any(|given| subtle::ConstantTimeEq::ct_eq(given.as_slice(), made.as_ref()).into())
        });
        if !right {
            return Err(VerifyError::Wrong);
        }
        for signed_header in self.signed_headers {
            let value =
                delivery.headers.get(signed_header.header).map(HeaderValue::as_bytes).unwrap_or_default();
            let signed_at = signed_header.content.time(value)?;
            if signed_at.is_some_and(|at| delivery.now.duration_since(at).abs() > WINDOW) {
                return Err(VerifyError::Stale);
            }
        }
        Ok(Verified(*delivery))
    }

    /// Signs a delivery, so that [`Signature::verify`] accepts it.
    pub(crate) fn sign(&self, headers: &mut HeaderMap, body: &[u8], secret: &SecretString, now: Timestamp) {
        for signed_header in self.signed_headers {
            headers.insert(
                HeaderName::from_static(signed_header.header),
                plain(&signed_header.content.write(body, now)),
            );
        }
        let signed_prefix = self.signed_prefix(headers).unwrap_or_default();
        let Some(made) = self.compute(secret, &signed_prefix, body) else { return };
        let written = match self.encoding {
            Encoding::Hex => hex::encode(made),
            Encoding::Base64 => BASE64.encode(made),
        };
        headers.insert(HeaderName::from_static(self.header), plain(&format!("{}{written}", self.prefix)));
    }

    /// The decoded signatures in the value of the header. Those of another version, and malformed ones, are skipped.
    fn signatures(&self, header: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        let separator = self.separator;
        let parts = header.split(move |&byte| separator.is_some_and(|separator| byte == separator as u8));
        parts.filter_map(|part| {
            let signature = part.trim_ascii().strip_prefix(self.prefix.as_bytes())?;
            match self.encoding {
                Encoding::Hex => decode_lower_hex(signature),
                Encoding::Base64 => BASE64.decode(signature).ok(),
            }
        })
    }

    /// The bytes that are signed in front of the body. `None` if one of the headers is missing.
    fn signed_prefix(&self, headers: &HeaderMap) -> Option<Vec<u8>> {
        let mut signed_prefix = Vec::new();
        for signed_header in self.signed_headers {
            signed_prefix.extend_from_slice(headers.get(signed_header.header)?.as_bytes());
            signed_prefix.extend_from_slice(signed_header.separator.as_bytes());
        }
        Some(signed_prefix)
    }

    /// Computes the signature with a secret. `None` if the key is empty.
    fn compute(&self, secret: &SecretString, signed_prefix: &[u8], body: &[u8]) -> Option<hmac::Tag> {
        let secret = secret.expose_secret();
        let decoded = match self.key {
            SigningKey::Text => None,
            SigningKey::Whsec => secret.strip_prefix("whsec_").and_then(|key| BASE64.decode(key).ok()),
        };
        let key = decoded.as_deref().unwrap_or(secret.as_bytes());
        if key.is_empty() {
            return None;
        }
        let mut signing = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
        signing.update(signed_prefix);
        signing.update(body);
        Some(signing.sign())
    }
}

/// A header value of characters that are known to be valid.
fn plain(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("digits and base64 stand in a header")
}

/// Decodes hexadecimal digits in lower case. `None` if there are other characters, upper case among them.
fn decode_lower_hex(digits: &[u8]) -> Option<Vec<u8>> {
    if digits.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    hex::decode(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "s3cret/with+signs=";
    const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

    /// A format with everything that a format can have.
    const SIGNATURE_WITH_TIME: Signature = Signature {
        header: "x-signature",
        prefix: "v1,",
        separator: Some(' '),
        encoding: Encoding::Base64,
        signed_headers: &[
            SignedHeader { header: "x-id", content: HeaderContent::Id, separator: "." },
            SignedHeader { header: "x-time", content: HeaderContent::Seconds, separator: "." },
        ],
        key: SigningKey::Whsec,
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
        SIGNATURE_WITH_TIME.sign(&mut signed, b"{}", &SECRET.into(), NOW);
        let right = signed[SIGNATURE_WITH_TIME.header].to_str().unwrap().to_owned();
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
            headers.insert(SIGNATURE_WITH_TIME.header, plain(&list));
            assert_eq!(outcome(&SIGNATURE_WITH_TIME, &headers, b"{}", NOW), expected, "{list}");
        }
    }

    #[test]
    fn signature_holds_for_five_minutes_to_either_side() {
        let mut signed = HeaderMap::new();
        SIGNATURE_WITH_TIME.sign(&mut signed, b"{}", &SECRET.into(), NOW);
        let at = |seconds| NOW + SignedDuration::from_secs(seconds);

        for seconds in [-300, -1, 0, 299, 300] {
            assert_eq!(outcome(&SIGNATURE_WITH_TIME, &signed, b"{}", at(seconds)), Ok(()), "{seconds}");
        }
        for seconds in [-301, 301, 86_400, i64::from(i32::MAX)] {
            let refused = outcome(&SIGNATURE_WITH_TIME, &signed, b"{}", at(seconds));
            assert_eq!(refused, Err(VerifyError::Stale), "{seconds}");
        }
        // Only a sender with the right secret learns that the delivery is too old.
        assert_eq!(outcome(&SIGNATURE_WITH_TIME, &signed, b"{ }", at(301)), Err(VerifyError::Wrong));
    }

    #[test]
    fn stamp_that_is_missing_changed_or_no_time_is_refused() {
        let mut signed = HeaderMap::new();
        SIGNATURE_WITH_TIME.sign(&mut signed, b"{}", &SECRET.into(), NOW);
        for signed_header in SIGNATURE_WITH_TIME.signed_headers {
            let mut without = signed.clone();
            without.remove(signed_header.header);
            assert_eq!(outcome(&SIGNATURE_WITH_TIME, &without, b"{}", NOW), Err(VerifyError::Wrong));
            let mut other = signed.clone();
            other.insert(signed_header.header, plain("1800000001"));
            assert_eq!(outcome(&SIGNATURE_WITH_TIME, &other, b"{}", NOW), Err(VerifyError::Wrong));
        }
        for content in [HeaderContent::Seconds, HeaderContent::Rfc3339] {
            for text in ["", "soon", "99999999999999999999", "-1e9", "\u{e9}"] {
                assert_eq!(content.time(text.as_bytes()), Err(VerifyError::Stale), "{text}");
            }
        }
    }

    #[test]
    fn empty_secret_signs_nothing_and_verifies_nothing() {
        for (scheme, empty) in [
            (Signature::hex("x-signature", ""), ""),
            (SIGNATURE_WITH_TIME, ""),
            (SIGNATURE_WITH_TIME, "whsec_"),
        ] {
            let mut headers = HeaderMap::new();
            scheme.sign(&mut headers, b"{}", &empty.into(), NOW);
            assert!(!headers.contains_key(scheme.header));

            // The HMAC with an empty key.
            let made = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b""), b"{}");
            headers.insert(scheme.header, plain(&hex::encode(made)));
            let delivery = Delivery { headers: &headers, path: "", query: None, body: b"{}", now: NOW };
            assert!(scheme.verify(&delivery, &empty.into(), Some(&empty.into())).is_err());
        }
    }
}
