//! The result of parsing a delivery: its events, and a count of the events that could not be read.

use domain::alert::{AlertEvent, AlertStatus};
use domain::text::{clip, fingerprint, shorten};
use jiff::Timestamp;
use serde_json::value::{RawValue, to_raw_value};

use crate::{json, limits};

/// The body is not something that this source sends, so the request is refused with 400. Every other delivery is
/// accepted, even if only part of it can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The body is not JSON.
    #[error("the body is not JSON: {reason}")]
    NotJson {
        /// The parser's error.
        reason: String,
    },
    /// The body is JSON, but not what this source sends.
    #[error("the body is not what this source sends: {reason}")]
    WrongShape {
        /// What is wrong with it.
        reason: String,
    },
}

/// Why an event could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableReason {
    /// The event is larger than [`limits::EVENT_BYTES`].
    #[error("an event has {bytes} bytes, and the limit is {} bytes", limits::EVENT_BYTES)]
    TooLarge {
        /// The size of the event.
        bytes: usize,
    },
    /// The event nests deeper than [`limits::EVENT_DEPTH`].
    #[error("an event nests deeper than the limit of {} levels", limits::EVENT_DEPTH)]
    TooDeep,
    /// The event contains invalid text or an invalid number.
    #[error("an event could not be decoded: {reason}")]
    Malformed {
        /// The parser's error.
        reason: String,
    },
    /// The event is JSON, but not what this source sends.
    #[error("an event is not what this source sends: expected {expected}")]
    UnexpectedShape {
        /// What was expected.
        expected: &'static str,
    },
    /// The delivery contains more events than [`limits::EVENTS`], or more bytes than [`limits::EVENTS_BYTES`].
    #[error("the delivery exceeds the limit of {} events", limits::EVENTS)]
    TooManyEvents,
}

impl UnreadableReason {
    /// Whether the event may be readable without one of its values.
    const fn can_be_mended(&self) -> bool {
        match self {
            Self::TooLarge { .. } | Self::TooDeep | Self::Malformed { .. } => true,
            Self::UnexpectedShape { .. } | Self::TooManyEvents => false,
        }
    }

    /// The kind of reason, as deduplication keys contain it.
    const fn kind(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too-large",
            Self::TooDeep => "too-deep",
            Self::Malformed { .. } => "malformed",
            Self::UnexpectedShape { .. } => "shapeless",
            Self::TooManyEvents => "too-many",
        }
    }
}

/// The events of a delivery that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// How many events could not be read.
    pub count: usize,
    /// Why the first of them could not be read.
    pub reason: UnreadableReason,
    /// The beginning of the first of them.
    pub sample: String,
    /// A hash of all of them, by which different ones are different alerts.
    pub content: String,
}

/// An acknowledgement that the sender reports: somebody is working on an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The deduplication key of the alert.
    pub deduplication_key: String,
    /// Who acknowledged the alert, in the sender's words.
    pub by: Option<String>,
}

/// The result of parsing a delivery.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    /// The events, in the sender's order.
    pub events: Vec<AlertEvent>,
    /// Acknowledgements, from senders whose acknowledgement also acknowledges the alert here.
    pub acknowledged: Vec<Acknowledgement>,
    /// The events that could not be read, if there are any.
    pub unreadable: Option<Unreadable>,
    /// A change of the sender's subscription, for sources that are subscribed to an SNS topic.
    pub subscription: Option<Subscription>,
}

/// A change of a subscription that the sender reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subscription {
    /// The subscription must be confirmed.
    ConfirmationRequested(ConfirmationRequest),
    /// The subscription has ended, so nothing more arrives from the topic.
    Ended {
        /// The topic.
        topic: String,
    },
}

/// A subscription that must be confirmed.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfirmationRequest {
    /// The topic.
    pub topic: String,
    /// The address that confirms the subscription when it is requested.
    pub url: String,
}

/// Hides the address, because requesting it confirms the subscription.
impl std::fmt::Debug for ConfirmationRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConfirmationRequest").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// Collects the events of a delivery, within the limits.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    /// The result so far.
    parsed: Parsed,
    /// The memory that the events use so far.
    bytes: usize,
}

impl Collector {
    /// Whether another event is within the limits.
    fn has_room(&self) -> bool {
        self.parsed.events.len() < limits::EVENTS && self.bytes < limits::EVENTS_BYTES
    }

    /// Reads one element with `read` and adds its event, or counts it as unreadable. An element that `read` refuses for
    /// one bad value is read again without that value.
    pub(crate) fn add(
        &mut self,
        raw: &RawValue,
        mut read: impl FnMut(&RawValue) -> Result<Option<AlertEvent>, UnreadableReason>,
    ) {
        if !self.has_room() {
            return self.unreadable(raw, UnreadableReason::TooManyEvents);
        }
        let mut result = read(raw);
        if let Err(reason) = &result
            && reason.can_be_mended()
            && let Some(mended) = json::mended(raw)
            && let Ok(event) = read(&mended)
        {
            result = Ok(event);
        }
        match result {
            Ok(Some(event)) => {
                self.bytes += held(&event);
                self.parsed.events.push(event);
            }
            Ok(None) => {}
            Err(reason) => self.unreadable(raw, reason),
        }
    }

    /// Counts an element that could not be read. The first one is kept as a sample.
    pub(crate) fn unreadable(&mut self, raw: &RawValue, reason: UnreadableReason) {
        let unreadable = self.parsed.unreadable.get_or_insert_with(|| Unreadable {
            count: 0,
            reason,
            sample: clip(raw.get(), limits::SAMPLE_BYTES).to_owned(),
            content: String::new(),
        });
        unreadable.count += 1;
        unreadable.content = fingerprint(format!("{} {}", unreadable.content, raw.get()).as_bytes(), 32);
    }

    /// Returns the result.
    pub(crate) fn finish(self) -> Parsed {
        self.parsed
    }
}

/// The approximate memory that an event uses, in bytes.
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

/// Creates the alert about events that could not be read.
///
/// Its deduplication key is made of the content of the events, so that different events are different alerts. The same
/// events are one alert within one hour: it never resolves automatically, so a key without the hour would never notify
/// again once somebody has acknowledged the first alert. Only the minute of `received_at` is used, so that equal
/// deliveries within one minute give equal events.
pub fn unreadable_event(source_name: &str, unreadable: &Unreadable, received_at: Timestamp) -> AlertEvent {
    let Unreadable { count, reason, sample, content } = unreadable;
    let events = if *count == 1 { "1 event".to_owned() } else { format!("{count} events") };
    let minute = received_at.strftime("%Y-%m-%d %H:%M UTC");
    let payload = serde_json::json!({ "count": count, "reason": reason.to_string(), "sample": sample });
    own_event(
        &format!("{}:{content}", reason.kind()),
        format!("{events} from {} could not be read", quoted(source_name)),
        format!(
            "{} sent {events} at {minute} that Firebell could not read, so they did not become alerts.\n\n\
             Reason: {reason}.\n\nThe first unreadable event begins:\n\n{sample}",
            quoted(source_name)
        ),
        &payload,
        received_at,
    )
}

/// Creates the alert about a delivery that was refused because it was too large.
pub fn too_large_event(source_name: &str, bytes: usize, received_at: Timestamp) -> AlertEvent {
    let minute = received_at.strftime("%Y-%m-%d %H:%M UTC");
    let payload = serde_json::json!({ "bytes": bytes, "limit": limits::DELIVERY_BYTES });
    own_event(
        "delivery-too-large",
        format!("A delivery from {} was too large", quoted(source_name)),
        format!(
            "{} sent {bytes} bytes at {minute}, and the limit is {} bytes. The delivery was refused, so its events did \
             not become alerts. Configure the sender to send fewer alerts at once.",
            quoted(source_name),
            limits::DELIVERY_BYTES
        ),
        &payload,
        received_at,
    )
}

/// A source's name in quotation marks, short enough for a title.
fn quoted(source_name: &str) -> String {
    format!("“{}”", shorten(source_name, 120))
}

/// Creates an alert that Firebell raises itself about a source.
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
