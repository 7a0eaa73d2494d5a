//! Parsing for senders whose deliveries contain one JSON object about one alert, which is what most senders send.

use std::borrow::Cow;

use domain::alert::{AlertEvent, AlertStatus};
use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::parsed::{Collector, UnreadableReason};
use crate::{Delivery, ParseError, Parsed, field, form, json};

/// An alert as it was parsed, with the sender's unbounded values. [`ParsedAlert::event`] applies the limits.
#[derive(Debug)]
pub(crate) struct ParsedAlert {
    /// Firing or resolved. `None` if the delivery does neither, such as an acknowledgement.
    pub(crate) status: Option<AlertStatus>,
    /// The deduplication key, which is the same when the alert fires and when it resolves.
    pub(crate) key: String,
    /// The title.
    pub(crate) title: Option<String>,
    /// The description.
    pub(crate) description: Option<String>,
    /// The link to the alert at the sender.
    pub(crate) url: Option<String>,
    /// The priority or severity, in the sender's words.
    pub(crate) priority: Option<String>,
    /// The time of the event, if the sender gives one both for firing and for resolved events.
    pub(crate) occurred_at: Option<Timestamp>,
}

impl ParsedAlert {
    /// Converts the alert to an event. `None` if it has no status. Without a title, the title is the sender and the key.
    pub(crate) fn event(self, sender: &str, raw: &RawValue) -> Option<AlertEvent> {
        let title = self.title.filter(|title| !title.trim().is_empty());
        Some(AlertEvent {
            status: self.status?,
            title: field::title(&title.unwrap_or_else(|| format!("{sender} {}", self.key))),
            deduplication_key: field::key(self.key),
            description: field::description(self.description),
            source_url: field::url(self.url),
            priority: field::priority(self.priority),
            occurred_at: self.occurred_at,
            began_at: None,
            holds_s: None,
            payload: raw.to_owned(),
        })
    }
}

/// The result of parsing one object: an alert, `None` if the object is not about an alert, or why it is unreadable.
pub(crate) type ParseResult = Result<Option<ParsedAlert>, UnreadableReason>;

/// Parses a body that is one object about one alert.
///
/// # Errors
/// [`ParseError`] if the body is not an object.
pub(crate) fn single(
    sender: &str,
    body: &str,
    read: impl FnMut(&Map<String, Value>) -> ParseResult,
) -> Result<Parsed, ParseError> {
    let document = object(body)?;
    let mut collector = Collector::default();
    add(&mut collector, sender, document, read);
    Ok(collector.finish())
}

/// Parses one object and adds its alert to the events.
pub(crate) fn add(
    collector: &mut Collector,
    sender: &str,
    raw: &RawValue,
    mut read: impl FnMut(&Map<String, Value>) -> ParseResult,
) {
    collector.add(raw, |raw| Ok(read(&json::object(raw)?)?.and_then(|alert| alert.event(sender, raw))));
}

/// Reads a body as one object.
///
/// # Errors
/// [`ParseError`] if the body is not an object.
pub(crate) fn object(body: &str) -> Result<&RawValue, ParseError> {
    let document = json::document(body)?;
    if document.get().starts_with('{') {
        return Ok(document);
    }
    Err(ParseError::WrongShape { reason: "it is not an object".to_owned() })
}

/// Returns the JSON text of a body. If the body is a form, the JSON is read from the field `in_field`; without
/// `in_field`, the fields of the form become the fields of the object.
pub(crate) fn body<'a>(delivery: &Delivery<'a>, in_field: Option<&str>) -> Cow<'a, str> {
    let text = json::text(delivery.body);
    if !form::is_form(delivery.headers, &text) {
        return text;
    }
    match in_field {
        Some(name) => form::field(&text, name).map_or(text, Cow::Owned),
        None => Cow::Owned(form::object(&text)),
    }
}
