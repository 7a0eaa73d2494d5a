//! One event of an alert.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Identity;
use crate::id::{EventId, OrgId, SourceId};
use crate::source::SourceKind;

/// Whether an event fires or resolves its alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AlertStatus {
    /// The alert is firing.
    Firing,
    /// The alert is resolved.
    Resolved,
}

impl AlertStatus {
    /// The name in the API.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// One event, as the source parsed it from a delivery.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AlertEvent {
    /// Whether it fires or resolves.
    pub status: AlertStatus,
    /// The sender's identity of the alert; the same in firing and resolved events.
    pub deduplication_key: String,
    /// The title.
    pub title: String,
    /// The description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A link to the alert in the system that sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    /// Its priority, as the sender wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// The event time by the sender's clock, if the source reports it for firing and resolved events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The start by the sender's clock, if the source reports it with each event. It is then the event time of a
    /// firing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_at: Option<Timestamp>,
    /// After how many seconds it expires unless it is sent again, if the source reports that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds_s: Option<u32>,
    /// The part of the delivery that belongs to this alert.
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

/// The hash under which a deduplication key is stored.
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
    /// The event's id. The ids of what it causes are derived from it.
    pub id: EventId,
    /// When it was received; set before it was queued.
    pub received_at: Timestamp,
    /// The event.
    pub event: AlertEvent,
    /// Who triggered the alert again by hand; `None` for a sender's event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<Identity>,
}

impl ReceivedEvent {
    /// The cause: its source, or the person who triggered it again.
    pub fn by(&self) -> Identity {
        let source = || Identity::System(format!("alert_source:{}", self.source));
        self.asked_by.clone().unwrap_or_else(source)
    }

    /// The event time: the sender's if the source reports it, never later than reception, in whole milliseconds.
    pub fn at(&self) -> Timestamp {
        self.held(self.event.occurred_at.unwrap_or(self.received_at))
    }

    /// A time of the sender, limited to the reception time, in whole milliseconds.
    fn held(&self, at: Timestamp) -> Timestamp {
        let at = at.min(self.received_at);
        Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
    }

    /// The facts that decide about its key.
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

    /// The hash of everything that the alert shows, except its start: two senders of one alert may differ in that while
    /// it fires.
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

/// A payload without the fields that hold this time; `None` if it is not an object.
fn without(payload: &str, at: Timestamp) -> Option<String> {
    let mut fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(payload).ok()?;
    fields.retain(|_, value| value.as_str().and_then(|text| text.parse().ok()) != Some(at));
    Some(serde_json::Value::Object(fields).to_string())
}
