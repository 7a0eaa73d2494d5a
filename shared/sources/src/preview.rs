//! Previews: the events that a source would read from a payload that no sender delivered.

use ::http::HeaderMap;
use domain::alert::AlertEvent;
use jiff::Timestamp;
use secrecy::SecretString;

use crate::{Delivery, Kind, ParseError, unreadable_event};

/// Reads the events of a body as a source of this kind would read a real delivery.
///
/// # Errors
/// [`ParseError`] if the body is not something that this source sends.
pub fn preview_events(kind: Kind, body: &[u8], now: Timestamp) -> Result<Vec<AlertEvent>, ParseError> {
    let source = kind.get();
    // `parse` only accepts a verified delivery, so the body is signed and verified with a secret that no source has.
    let secret = SecretString::from("secret for previews only");
    let mut headers = HeaderMap::new();
    source.sign(&mut headers, body, &secret, now);
    let delivery = Delivery { headers: &headers, path: "", query: None, body, now };
    let verified = source.verify(&delivery, &secret, None);
    let verified = verified.map_err(|error| ParseError::WrongShape { reason: error.to_string() })?;
    let parsed = source.parse(verified)?;
    let unreadable = parsed.unreadable.map(|unreadable| unreadable_event(source.name(), &unreadable, now));
    Ok(parsed.events.into_iter().chain(unreadable).collect())
}
