//! One event of an alert, as a delivery brought it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Identity;
use crate::id::{EventId, OrgId, SourceId};
use crate::source::SourceKind;

/// Whether an event says that something began or that it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertStatus {
    /// It is going on.
    Firing,
    /// It is over.
    Resolved,
}

impl AlertStatus {
    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// What a source parsed of one alert in a delivery.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AlertEvent {
    /// Whether it began or is over.
    pub status: AlertStatus,
    /// What tells this alert from others of the source; the same in firing and resolved.
    pub deduplication_key: String,
    /// The title.
    pub title: String,
    /// The description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where to look at it in the system that sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    /// Its priority, as the sender wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// When it happened by the sender's clock, if the source has that for firing and resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// When it began by the sender's clock, if each of its deliveries says that; a firing then happened when it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_at: Option<Timestamp>,
    /// For how many seconds it holds unless it is sent again, if the source says that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds_s: Option<u32>,
    /// The alert's own raw slice of the delivery.
    pub payload: Box<RawValue>,
}

#[cfg(test)]
impl AlertEvent {
    /// A critical alert that fires, of this payload.
    pub(crate) fn example(payload: &serde_json::Value) -> Self {
        Self {
            status: AlertStatus::Firing,
            deduplication_key: "k".to_owned(),
            title: "Disk full".to_owned(),
            description: None,
            source_url: None,
            priority: Some("critical".to_owned()),
            occurred_at: None,
            began_at: None,
            holds_s: None,
            payload: serde_json::value::to_raw_value(payload).unwrap(),
        }
    }
}

/// The hash of a deduplication key, by which it is found.
pub fn key_hash(deduplication_key: &str) -> String {
    crate::text::fingerprint(deduplication_key.as_bytes(), 32)
}

/// An event on its way from the source's function to the alert handler.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReceivedEvent {
    /// The organisation.
    pub org: OrgId,
    /// The source.
    pub source: SourceId,
    /// The kind of source.
    pub kind: SourceKind,
    /// The event's id; what it causes derives its ids from this one.
    pub id: EventId,
    /// When it was received, stamped before it was queued.
    pub received_at: Timestamp,
    /// The event.
    pub event: AlertEvent,
    /// Who has its alert fire again by hand; none for what a sender sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<Identity>,
}

impl ReceivedEvent {
    /// Who caused it: its source, or whoever had it fire again.
    pub fn by(&self) -> Identity {
        let source = || Identity::System(format!("alert_source:{}", self.source));
        self.asked_by.clone().unwrap_or_else(source)
    }

    /// The event time: the sender's if the source declares it, never after reception, in whole milliseconds.
    pub fn at(&self) -> Timestamp {
        self.held(self.event.occurred_at.unwrap_or(self.received_at))
    }

    /// A time of the sender's, held to the reception and in whole milliseconds.
    fn held(&self, at: Timestamp) -> Timestamp {
        let at = at.min(self.received_at);
        Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
    }

    /// What matters of it for the decision about its key.
    pub fn arrival(&self) -> super::key::EventFacts {
        super::key::EventFacts {
            event: self.id,
            status: self.event.status,
            at: self.at(),
            received_at: self.received_at,
            began: self.event.began_at.map(|at| self.held(at)),
            content: self.content(),
        }
    }

    /// The hash of the deduplication key.
    pub fn key(&self) -> String {
        key_hash(&self.event.deduplication_key)
    }

    /// The hash of everything that the alert would show, but for when it began: two senders of one alert may differ
    /// in that for as long as it fires.
    pub fn content(&self) -> String {
        let event = &self.event;
        let began = event.began_at.and_then(|at| without(event.payload.get(), at));
        let shown = (
            &event.title,
            &event.description,
            &event.source_url,
            &event.priority,
            &event.deduplication_key,
            began.as_deref().unwrap_or(event.payload.get()),
        );
        crate::text::fingerprint(format!("{shown:?}").as_bytes(), 16)
    }
}

/// A payload without what of it is this time; none if it is no object.
fn without(payload: &str, at: Timestamp) -> Option<String> {
    let mut fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(payload).ok()?;
    fields.retain(|_, value| value.as_str().and_then(|text| text.parse().ok()) != Some(at));
    Some(serde_json::Value::Object(fields).to_string())
}
