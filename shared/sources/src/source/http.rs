//! The alert source for every system that can send JSON over HTTP.
//!
//! The documented fields are `title`, `status`, `deduplication_key`, `description`, `source_url` and `metadata`. For
//! systems whose payload cannot be changed, other common names of these fields are read too. They are in the tables
//! below.

use ::http::header::HeaderName;
use domain::alert::{AlertEvent, AlertStatus};
use domain::text::{clip, fingerprint};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::AlertSource;
use super::alertmanager;
use crate::parsed::{Collector, UnreadableReason};
use crate::scope::{Variable, VariableType};
use crate::{Delivery, ParseError, Parsed, Verified, field, json};

/// The paths of the title, best first.
const TITLE: &[&str] = &[
    "title",
    "message",
    "summary",
    "alert_name",
    "info",
    "metric_name",
    "check_result.result_description",
    "check.name",
    "name",
    "subject",
];

/// The paths of the description.
const DESCRIPTION: &[&str] = &["description", "message", "summary", "details", "text", "root_cause"];

/// The paths of the status.
const STATUS: &[&str] = &["status", "state", "event_type", "event", "alert_status"];

/// The field that identifies the alert.
const KEY: &str = "deduplication_key";

/// A sender whose payload has another field that identifies the alert.
struct KnownSender {
    /// The fields by which its payload is known.
    has: &'static [&'static str],
    /// The field that identifies the alert.
    key: &'static str,
    /// More words for a resolved status.
    resolved: &'static [&'static str],
}

/// In a payload of any other sender, a field such as `id` may be the id of a host, a user or a rule.
const KNOWN_SENDERS: &[KnownSender] = &[
    // PagerTree
    KnownSender { has: &["event_type", "title", "urgency"], key: "id", resolved: &[] },
    // Conviva
    KnownSender { has: &["alert_source", "diagnostic_report_url"], key: "event_id", resolved: &[] },
    // Graylog
    KnownSender { has: &["check_result.triggered_condition"], key: "stream.id", resolved: &[] },
    // VMware vRealize Operations
    KnownSender { has: &["alertId", "resourceId", "criticality"], key: "alertId", resolved: &["canceled"] },
    // updown.io
    KnownSender { has: &["event", "check.token"], key: "downtime.id", resolved: &[] },
    // Odown
    KnownSender { has: &["event", "alert.run_location"], key: "check.id", resolved: &[] },
];

impl KnownSender {
    /// The sender of a payload, if it is known.
    fn of(fields: &Map<String, Value>) -> Option<&'static Self> {
        let has = |path: &&str| field::value_at(fields, path).is_some();
        KNOWN_SENDERS.iter().find(|known| known.has.iter().all(has))
    }
}

/// The paths of the link.
const LINK: &[&str] = &["source_url", "url", "link", "diagnostic_report_url", "check.url"];

/// The paths of the priority.
const PRIORITY: &[&str] =
    &["metadata.priority", "metadata.severity", "priority", "severity", "urgency", "criticality"];

/// Words for a resolved status. Every other word fires, because a needless notification is better than a missing one.
/// Words such as `inactive` and `canceled` are not here: a service or a backup that is inactive is a problem.
const RESOLVED: &[&str] = &[
    "clear",
    "cleared",
    "close",
    "closed",
    "normal",
    "ok",
    "recover",
    "recovered",
    "recovery",
    "resolve",
    "resolved",
    "up",
];

/// Words for a firing status. A payload that also has one of these in a field of [`STATUS`] is not resolved.
const FIRING: &[&str] = &[
    "active",
    "alarm",
    "alert",
    "alerting",
    "critical",
    "down",
    "error",
    "failed",
    "failing",
    "firing",
    "open",
    "problem",
    "trigger",
    "triggered",
    "warning",
];

/// Words that may precede a status without changing it, as in `check.up` or `ALERT_RECOVERY`.
const PREFIXES: &[&str] = &["alert", "check", "event", "host", "incident", "monitor", "service", "trigger"];

/// Words for an acknowledgement, which neither fires nor resolves an alert.
const ACKNOWLEDGED: &[&str] = &["ack", "acked", "acknowledge", "acknowledged", "acknowledgement"];

/// The header that is equal in repetitions of a delivery.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The variables of the payload that bindings can reference.
const SCOPE: &[Variable] = &[
    Variable::new("payload.title", "Title in the payload", VariableType::Text),
    Variable::new("payload.description", "Description in the payload", VariableType::Text),
    Variable::new("payload.metadata", "Metadata", VariableType::Map),
    Variable::new("payload.metadata.priority", "Priority in the payload", VariableType::Text),
];

/// The alert source for HTTP.
#[derive(Debug, Clone, Copy)]
pub(super) struct Http;

impl AlertSource for Http {
    fn kind(&self) -> &'static str {
        "http"
    }

    fn name(&self) -> &'static str {
        "HTTP"
    }

    fn docs(&self) -> &'static str {
        "1. Configure your system to send a `POST` request with JSON to `{url}` and the header `Authorization: Bearer \
         {secret}`. If you cannot set a header, append `?token={secret}` to the address.\n\
         2. To fire an alert, send:\n\
         \n\
         ```sh\n\
         curl -X POST \"{url}\" \\\n\
         \x20 -H \"Authorization: Bearer {secret}\" \\\n\
         \x20 -H \"Content-Type: application/json\" \\\n\
         \x20 -d '{\"title\": \"Email queue is growing\", \"status\": \"firing\", \"deduplication_key\": \
         \"mail-queue\"}'\n\
         ```\n\
         \n\
         3. To resolve the alert, send the same with `\"status\": \"resolved\"`.\n\
         \n\
         `deduplication_key` identifies the problem, for example by host and service. Never include a state, a time or \
         a measured value in it. If you send no key, every different event is a new alert, and the response contains \
         the key to resolve it with. \
         `description`, `source_url` and `metadata` (any object) are optional. `metadata.priority` or \
         `metadata.severity` sets the priority. Firebell answers with 202.\n"
    }

    fn example(&self) -> Value {
        example("firing")
    }

    fn example_resolved(&self) -> Value {
        example("resolved")
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn parse(&self, delivery: Verified<'_>) -> Result<Parsed, ParseError> {
        let delivery = delivery.delivery();
        let idempotency_key = idempotency_key(delivery);
        let text = json::text(delivery.body);
        let document = json::document(&text)?;
        let mut collector = Collector::default();
        match document.get().as_bytes().first() {
            Some(b'{') if is_group(document) => return alertmanager::group(document),
            Some(b'{') => collector.add(document, |raw| {
                event(raw, || idempotency_key.clone().unwrap_or_else(|| delivery.content_key(raw.get())))
            }),
            Some(b'[') => {
                let mut index = 0_usize;
                json::each(document, |raw| {
                    let key = || match &idempotency_key {
                        Some(key) => format!("{key}-{index}"),
                        None => delivery.content_key(raw.get()),
                    };
                    collector.add(raw, |raw| event(raw, key));
                    index += 1;
                })
                .map_err(|error| ParseError::NotJson { reason: error.to_string() })?;
            }
            _ => return Err(ParseError::WrongShape { reason: "it is not an object".to_owned() }),
        }
        Ok(collector.finish())
    }
}

/// A key from the idempotency key of a delivery, so that a repetition does not create another alert.
fn idempotency_key(delivery: &Delivery<'_>) -> Option<String> {
    let mark = delivery.headers.get(IDEMPOTENCY_KEY)?.as_bytes();
    (!mark.is_empty()).then(|| fingerprint(mark, 32))
}

/// Whether the body is a group of Alertmanager that was sent to this source by mistake.
fn is_group(document: &RawValue) -> bool {
    let Ok([alerts, title]) = json::fields(document, ["alerts", "title"]) else { return false };
    title.is_none() && alerts.is_some_and(|alerts| alerts.get().starts_with('['))
}

/// Firing or resolved, by all fields that state it. `None` if they state an acknowledgement.
fn status_in(fields: &Map<String, Value>, sender: Option<&KnownSender>) -> Option<AlertStatus> {
    let words: Vec<String> = STATUS.iter().filter_map(|path| field::first_text(fields, &[path])).collect();
    let first = words.first().map(String::as_str);
    let by_sender = sender.zip(first).is_some_and(|(sender, word)| {
        sender.resolved.iter().any(|resolved| resolved.eq_ignore_ascii_case(word))
    });
    match status(first) {
        Some(AlertStatus::Resolved) if words.iter().any(|word| single(word, FIRING)) => {
            Some(AlertStatus::Firing)
        }
        Some(AlertStatus::Firing) if by_sender => Some(AlertStatus::Resolved),
        status => status,
    }
}

/// Parses one event. `None` if it neither fires nor resolves an alert. `content_key` is the key of an event without an
/// identity.
pub(super) fn event(
    raw: &RawValue,
    content_key: impl FnOnce() -> String,
) -> Result<Option<AlertEvent>, UnreadableReason> {
    let fields = json::object(raw)?;
    let sender = KnownSender::of(&fields);
    let Some(status) = status_in(&fields, sender) else { return Ok(None) };
    let key = field::first_text(&fields, &[KEY]);
    let key = key.or_else(|| field::first_text(&fields, &[sender?.key]));
    let mut descriptions = DESCRIPTION.iter().filter_map(|path| field::first_text(&fields, &[path]));
    let title = field::first_text(&fields, TITLE)
        .or_else(|| descriptions.clone().next()?.lines().next().map(str::to_owned))
        .or_else(|| key.as_ref().map(|key| format!("Alert {}", clip(key, 200))))
        .ok_or(UnreadableReason::UnexpectedShape { expected: "an object with a `title`" })?;
    Ok(Some(AlertEvent {
        status,
        deduplication_key: field::key(key.unwrap_or_else(content_key)),
        description: field::description(descriptions.find(|text| *text != title)),
        title: field::title(&title),
        source_url: LINK.iter().find_map(|path| field::url(field::first_text(&fields, &[path]))),
        priority: field::priority(field::first_text(&fields, PRIORITY)),
        occurred_at: None,
        began_at: None,
        holds_s: None,
        payload: raw.to_owned(),
    }))
}

/// The status for a word. `None` if the word is an acknowledgement.
pub(crate) fn status(word: Option<&str>) -> Option<AlertStatus> {
    let word = word.unwrap_or_default();
    if single(word, ACKNOWLEDGED) {
        return None;
    }
    Some(if single(word, RESOLVED) { AlertStatus::Resolved } else { AlertStatus::Firing })
}

/// Whether a status is one of these words, with or without one of [`PREFIXES`].
fn single(status: &str, words: &[&str]) -> bool {
    let status = status.to_ascii_lowercase();
    let mut parts = status.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    match (parts.next(), parts.next(), parts.next()) {
        (Some(word), None, None) => words.contains(&word),
        (Some(prefix), Some(word), None) => PREFIXES.contains(&prefix) && words.contains(&word),
        _ => false,
    }
}

/// An example with the documented fields.
fn example(status: &str) -> Value {
    json!({
        "title": "Queue of outgoing emails is growing",
        "status": status,
        "deduplication_key": "mailer/queue-length",
        "description": "4,200 emails are waiting, and none was sent in the last 10 minutes.",
        "source_url": "https://mailer.example.com/queues/outgoing",
        "metadata": { "team": "platform", "priority": "high" }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_is_read_from_the_words_that_senders_use() {
        let cases = [
            ("firing", Some(AlertStatus::Firing)),
            ("resolved", Some(AlertStatus::Resolved)),
            ("OK", Some(AlertStatus::Resolved)),
            ("Up", Some(AlertStatus::Resolved)),
            ("resolve", Some(AlertStatus::Resolved)),
            ("closed", Some(AlertStatus::Resolved)),
            ("check.up", Some(AlertStatus::Resolved)),
            ("ALERT_RECOVERY", Some(AlertStatus::Resolved)),
            ("critical", Some(AlertStatus::Firing)),
            ("down", Some(AlertStatus::Firing)),
            ("trigger", Some(AlertStatus::Firing)),
            ("problem", Some(AlertStatus::Firing)),
            ("check.down", Some(AlertStatus::Firing)),
            ("not ok", Some(AlertStatus::Firing)),
            ("not_resolved", Some(AlertStatus::Firing)),
            ("unresolved", Some(AlertStatus::Firing)),
            ("RECOVERY_FAILED", Some(AlertStatus::Firing)),
            ("inactive", Some(AlertStatus::Firing)),
            ("canceled", Some(AlertStatus::Firing)),
            ("partially resolved", Some(AlertStatus::Firing)),
            ("", Some(AlertStatus::Firing)),
            ("🔥", Some(AlertStatus::Firing)),
            ("acknowledge", None),
        ];
        for (word, expected) in cases {
            assert_eq!(status(Some(word)), expected, "{word}");
        }
        assert_eq!(status(None), Some(AlertStatus::Firing));
    }
}
