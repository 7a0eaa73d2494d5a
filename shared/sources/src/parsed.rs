//! What was read of a delivery, and what could not be.

use domain::alert::{AlertEvent, AlertStatus};
use domain::text::{clip, shorten};
use jiff::Timestamp;
use serde_json::value::{RawValue, to_raw_value};

use crate::limits;

/// The body is nothing that this source sends; a 400. Everything else is handled, in part if need be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It is not JSON at all.
    #[error("the body is not JSON: {reason}")]
    NotJson {
        /// What the parser said.
        reason: String,
    },
    /// It is JSON, and not what this source sends.
    #[error("the body is not what this source sends: {reason}")]
    WrongShape {
        /// What was expected.
        reason: String,
    },
}

/// Why an event could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// It is larger than [`limits::EVENT_BYTES`].
    #[error("an event of {bytes} bytes is larger than the {} that are handled", limits::EVENT_BYTES)]
    TooLarge {
        /// How large it is.
        bytes: usize,
    },
    /// It nests deeper than [`limits::EVENT_DEPTH`].
    #[error("an event nests deeper than the {} levels that are handled", limits::EVENT_DEPTH)]
    TooDeep,
    /// It has something in it that is no text or no number.
    #[error("an event could not be decoded: {reason}")]
    Malformed {
        /// What the parser said.
        reason: String,
    },
    /// It is not the JSON of an event.
    #[error("an event is not what this source sends: {expected}")]
    Shapeless {
        /// What was expected.
        expected: &'static str,
    },
    /// The delivery holds more than is handled at once.
    #[error("the delivery holds more than the {} events that are handled at once", limits::EVENTS)]
    TooMany,
}

impl Reason {
    /// The kind of reason, for a deduplication key.
    const fn kind(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too-large",
            Self::TooDeep => "too-deep",
            Self::Malformed { .. } => "malformed",
            Self::Shapeless { .. } => "shapeless",
            Self::TooMany => "too-many",
        }
    }
}

/// Events of a delivery that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// How many.
    pub count: usize,
    /// Why the first of them.
    pub reason: Reason,
    /// The beginning of the first of them.
    pub sample: String,
}

/// Somebody is on an alert, by what its sender says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// The alert's deduplication key.
    pub deduplication_key: String,
    /// Who it is, in the sender's words.
    pub by: Option<String>,
}

/// What was read of a delivery.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    /// The events, in the sender's order.
    pub events: Vec<AlertEvent>,
    /// What somebody is on, where a sender's word for that counts: it stands in for us.
    pub acknowledged: Vec<Acknowledged>,
    /// What could not be read, if anything.
    pub unreadable: Option<Unreadable>,
    /// What the sender says of its subscription, where it has one.
    pub subscription: Option<Subscription>,
}

/// What a sender says of its subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subscription {
    /// It asks to be confirmed.
    Asked(Asked),
    /// It has ended: nothing more arrives.
    Ended {
        /// The topic.
        topic: String,
    },
}

/// A subscription that asks to be confirmed.
#[derive(Clone, PartialEq, Eq)]
pub struct Asked {
    /// The topic.
    pub topic: String,
    /// Where it is confirmed.
    pub url: String,
}

/// The address is a secret: whoever asks there confirms.
impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asked").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// Collects what is read of a delivery, within the limits.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    /// So far.
    parsed: Parsed,
    /// What the events hold together.
    bytes: usize,
}

impl Collector {
    /// Whether another event is still handled.
    fn has_room(&self) -> bool {
        self.parsed.events.len() < limits::EVENTS && self.bytes < limits::EVENTS_BYTES
    }

    /// Adds what was read of one element: an event, nothing to be told, or a reason.
    pub(crate) fn add(
        &mut self,
        raw: &RawValue,
        read: impl FnOnce(&RawValue) -> Result<Option<AlertEvent>, Reason>,
    ) {
        if !self.has_room() {
            return self.unreadable(raw, Reason::TooMany);
        }
        match read(raw) {
            Ok(Some(event)) => {
                self.bytes += held(&event);
                self.parsed.events.push(event);
            }
            Ok(None) => {}
            Err(reason) => self.unreadable(raw, reason),
        }
    }

    /// Counts something that could not be read; the first of them is shown.
    pub(crate) fn unreadable(&mut self, raw: &RawValue, reason: Reason) {
        let unreadable = self.parsed.unreadable.get_or_insert_with(|| Unreadable {
            count: 0,
            reason,
            sample: clip(raw.get(), limits::SAMPLE_BYTES).to_owned(),
        });
        unreadable.count += 1;
    }

    /// What was read.
    pub(crate) fn finish(self) -> Parsed {
        self.parsed
    }
}

/// The bytes that an event holds, near enough.
fn held(event: &AlertEvent) -> usize {
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    size_of::<AlertEvent>()
        + event.deduplication_key.len()
        + event.title.len()
        + length(&event.description)
        + length(&event.source_url)
        + length(&event.priority)
        + event.payload.get().len()
}

/// The alert that tells of events which could not be read.
///
/// Its key is the same for the same kind of reason within an hour, so that a sender which goes on so is one alert an
/// hour: nothing ever says that it is over, and what comes a day after somebody acknowledged the first must page again.
/// `received_at` counts in minutes only: deliveries of one minute that say the same are the same.
pub fn unreadable_event(source_name: &str, unreadable: &Unreadable, received_at: Timestamp) -> AlertEvent {
    let Unreadable { count, reason, sample } = unreadable;
    let events = if *count == 1 { "1 event".to_owned() } else { format!("{count} events") };
    let minute = received_at.strftime("%Y-%m-%d %H:%M UTC");
    let payload = serde_json::json!({ "count": count, "reason": reason.to_string(), "sample": sample });
    own_event(
        reason.kind(),
        format!("{events} of {} could not be read", shown(source_name)),
        format!(
            "{events} that {} sent at {minute} could not be read, so nobody was told what they said.\n\n\
             Reason: {reason}.\n\nThe first of them begins:\n\n{sample}",
            shown(source_name)
        ),
        &payload,
        received_at,
    )
}

/// The alert that tells of a delivery which was too large to be taken.
pub fn too_large_event(source_name: &str, bytes: usize, received_at: Timestamp) -> AlertEvent {
    let minute = received_at.strftime("%Y-%m-%d %H:%M UTC");
    let payload = serde_json::json!({ "bytes": bytes, "limit": limits::DELIVERY_BYTES });
    own_event(
        "delivery-too-large",
        format!("A delivery of {} was too large to be read", shown(source_name)),
        format!(
            "{} sent {bytes} bytes at {minute}, and {} are taken. Its alerts were not read, so nobody was told what \
             they said. Let it send fewer alerts at once.",
            shown(source_name),
            limits::DELIVERY_BYTES
        ),
        &payload,
        received_at,
    )
}

/// A source's name, short enough for a title.
fn shown(source_name: &str) -> String {
    format!("“{}”", shorten(source_name, 120))
}

/// An alert of our own on a source.
fn own_event(
    kind: &str,
    title: String,
    description: String,
    payload: &serde_json::Value,
    received_at: Timestamp,
) -> AlertEvent {
    AlertEvent {
        status: AlertStatus::Firing,
        deduplication_key: format!("firebell:delivery:{kind}:{}", received_at.strftime("%Y-%m-%dT%H")),
        title,
        description: Some(description),
        source_url: None,
        priority: None,
        occurred_at: None,
        began_at: None,
        holds_s: None,
        payload: to_raw_value(payload).expect("a JSON value serialises"),
    }
}
