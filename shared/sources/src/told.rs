//! What most senders tell in a delivery: one thing, in one object.

use std::borrow::Cow;

use domain::alert::{AlertEvent, AlertStatus};
use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::parsed::{Collector, Reason};
use crate::{Delivery, ParseError, Parsed, field, form, json};

/// What a sender tells of one thing, in its own words; the bounds are put on when it becomes an event.
#[derive(Debug)]
pub(crate) struct Told {
    /// What happened; none if it neither begins nor ends anything.
    pub(crate) status: Option<AlertStatus>,
    /// What it happened to; the same in firing and resolved.
    pub(crate) key: String,
    /// Its title.
    pub(crate) title: Option<String>,
    /// What else there is to say.
    pub(crate) description: Option<String>,
    /// Where to look.
    pub(crate) url: Option<String>,
    /// How bad it is.
    pub(crate) priority: Option<String>,
    /// When it happened, if the sender says that of beginning and end.
    pub(crate) occurred_at: Option<Timestamp>,
}

impl Told {
    /// The event, if there is one; what has no title is titled by its sender and its key.
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

/// What can be read of one object: what it tells, nothing of concern, or why it cannot be understood.
pub(crate) type Reading = Result<Option<Told>, Reason>;

/// Reads a body that is one object with one thing to tell.
///
/// # Errors
/// [`ParseError`] if it is no object.
pub(crate) fn one(
    sender: &str,
    body: &str,
    read: impl FnOnce(&Map<String, Value>) -> Reading,
) -> Result<Parsed, ParseError> {
    let document = object(body)?;
    let mut collector = Collector::default();
    add(&mut collector, sender, document, read);
    Ok(collector.finish())
}

/// Adds what one object tells.
pub(crate) fn add(
    collector: &mut Collector,
    sender: &str,
    raw: &RawValue,
    read: impl FnOnce(&Map<String, Value>) -> Reading,
) {
    collector.add(raw, |raw| Ok(read(&json::object(raw)?)?.and_then(|told| told.event(sender, raw))));
}

/// The one object that a body is.
///
/// # Errors
/// [`ParseError`] if it is none.
pub(crate) fn object(body: &str) -> Result<&RawValue, ParseError> {
    let document = json::document(body)?;
    if document.get().starts_with('{') {
        return Ok(document);
    }
    Err(ParseError::WrongShape { reason: "it is no object".to_owned() })
}

/// The JSON of a body that may be a form with the JSON in one field of it, or, if none is named, a form whose fields
/// are those of the object.
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
