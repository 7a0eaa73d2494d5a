//! Verifies Slack's signature over the raw bytes of a request that is at most five minutes old.

use domain::Timestamp;
use jiff::SignedDuration;
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};

/// The allowed difference between a request's time and ours.
pub const WINDOW: SignedDuration = SignedDuration::from_mins(5);

/// Why a request is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// It has no signature or no timestamp.
    #[error("the request has no Slack signature")]
    Missing,
    /// Its timestamp is too far from the current time.
    #[error("the request's timestamp differs from the current time by more than five minutes")]
    Late,
    /// The signature does not match.
    #[error("the signature does not match the body")]
    Wrong,
}

/// Verifies a request, with a comparison in constant time.
///
/// # Errors
/// [`Unsigned`] if it is not Slack's, or not of now.
pub fn verify(
    secret: &SecretString,
    timestamp: Option<&str>,
    signature: Option<&str>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Unsigned> {
    let (Some(timestamp), Some(signature)) = (timestamp, signature) else { return Err(Unsigned::Missing) };
    // Only digits are accepted, so that a timestamp has a single spelling.
    let digits = !timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let second: i64 = timestamp.parse().ok().filter(|_| digits).ok_or(Unsigned::Missing)?;
    let at = Timestamp::from_second(second).map_err(|_| Unsigned::Late)?;
    if now.duration_since(at).abs() > WINDOW {
        return Err(Unsigned::Late);
    }
    let tag = signature.strip_prefix("v0=").and_then(|tag| hex::decode(tag).ok()).ok_or(Unsigned::Wrong)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    let signed = [b"v0:", timestamp.as_bytes(), b":", body].concat();
    hmac::verify(&key, &signed, &tag).map_err(|_| Unsigned::Wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a signing secret of no app";
    const BODY: &[u8] = b"payload=%7B%7D";

    fn signed(secret: &str, timestamp: &str, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, &[b"v0:", timestamp.as_bytes(), b":", body].concat());
        format!("v0={}", hex::encode(tag))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn verified(timestamp: &str, signature: &str, body: &[u8], now: i64) -> Result<(), Unsigned> {
        verify(&SecretString::from(SECRET), Some(timestamp), Some(signature), body, at(now))
    }

    #[test]
    fn only_what_slack_signed_is_slacks() {
        let right = signed(SECRET, "1000", BODY);

        assert_eq!(verified("1000", &right, BODY, 1000), Ok(()));
        assert_eq!(verified("1000", &right.to_uppercase().replace("V0", "v0"), BODY, 1000), Ok(()));
        let wrong = [
            signed("another secret", "1000", BODY),
            signed(SECRET, "1001", BODY),
            signed(SECRET, "1000", b"payload=%7b%7d"),
            right[..right.len() - 2].to_owned(),
            right.replacen("v0=", "v1=", 1),
            "v0=".to_owned(),
            "v0=é0".to_owned(),
            String::new(),
        ];
        for signature in wrong {
            assert_eq!(verified("1000", &signature, BODY, 1000), Err(Unsigned::Wrong), "{signature}");
        }
    }

    #[test]
    fn five_minutes_on_either_side_are_believed_and_no_more() {
        let signature = signed(SECRET, "1000", BODY);
        for (now, outcome) in
            [(700, Ok(())), (1300, Ok(())), (699, Err(Unsigned::Late)), (1301, Err(Unsigned::Late))]
        {
            assert_eq!(verified("1000", &signature, BODY, now), outcome, "{now}");
        }
    }

    #[test]
    fn times_that_are_none_are_refused() {
        for timestamp in ["", " 1000", "+1000", "1e3", "1000.0", "-1000", "10000000000000000000"] {
            let signature = signed(SECRET, timestamp, BODY);
            assert!(verified(timestamp, &signature, BODY, 1000).is_err(), "{timestamp}");
        }
        let secret = SecretString::from(SECRET);
        assert_eq!(verify(&secret, None, Some("v0=00"), BODY, at(0)), Err(Unsigned::Missing));
        assert_eq!(verify(&secret, Some("0"), None, BODY, at(0)), Err(Unsigned::Missing));
    }
}
