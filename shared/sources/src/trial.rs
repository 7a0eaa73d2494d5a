//! A delivery that nobody sent: what a source would read of a payload.

use ::http::HeaderMap;
use domain::alert::AlertEvent;
use jiff::Timestamp;
use secrecy::SecretString;

use crate::{Delivery, Kind, ParseError, unreadable_event};

/// The events that a source of this kind would read of a body, as it would at its door.
///
/// # Errors
/// [`ParseError`] if the body is nothing that this source sends.
pub fn trial(kind: Kind, body: &[u8], now: Timestamp) -> Result<Vec<AlertEvent>, ParseError> {
    let source = kind.get();
    // Signed and verified like any other, with a secret that opens nothing.
    let secret = SecretString::from("a secret of no source at all");
    let mut headers = HeaderMap::new();
    source.sign(&mut headers, body, &secret, now);
    let delivery = Delivery { headers: &headers, path: "", query: None, body, now };
    let verified = source.verify(&delivery, &secret, None);
    let verified = verified.map_err(|error| ParseError::WrongShape { reason: error.to_string() })?;
    let parsed = source.parse(verified, "the key that the answer would name")?;
    let unreadable = parsed.unreadable.map(|unreadable| unreadable_event(source.name(), &unreadable, now));
    Ok(parsed.events.into_iter().chain(unreadable).collect())
}
