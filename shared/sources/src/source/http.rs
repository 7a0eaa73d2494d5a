//! Anything that can send JSON over HTTP.
//!
//! The contract is `title`, `status`, `deduplication_key`, `description`, `source_url` and `metadata`. Senders that
//! cannot be taught it are read as well as they can be: what names they use is in the tables below.

use ::http::header::HeaderName;
use domain::alert::{AlertEvent, AlertStatus};
use domain::text::{clip, fingerprint};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::AlertSource;
use super::alertmanager;
use crate::parsed::{Collector, Reason};
use crate::scope::{Variable, VariableType};
use crate::{Delivery, ParseError, Parsed, Verified, field, json};

/// Where senders put the title, best first.
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

/// Where senders put the description.
const DESCRIPTION: &[&str] = &["description", "message", "summary", "details", "text", "root_cause"];

/// Where senders put what happened.
const STATUS: &[&str] = &["status", "state", "event_type", "event", "alert_status"];

/// Where senders put what is the same in firing and resolved.
const KEY: &[&str] = &[
    "deduplication_key",
    "dedup_key",
    "alias",
    "incident_key",
    "alert_id",
    "event_id",
    "id",
    "downtime.id",
    "check.id",
    "stream.id",
];

/// Where senders put a link.
const LINK: &[&str] = &["source_url", "url", "link", "diagnostic_report_url", "check.url"];

/// Where senders put the priority.
const PRIORITY: &[&str] =
    &["metadata.priority", "metadata.severity", "priority", "severity", "urgency", "criticality"];

/// Words for something that is over. Every other word fires: a page too many is better than one too few.
const OVER: &[&str] = &[
    "canceled",
    "cancelled",
    "clear",
    "cleared",
    "close",
    "closed",
    "inactive",
    "normal",
    "ok",
    "recover",
    "recovered",
    "recovery",
    "resolve",
    "resolved",
    "up",
];

/// Words that may stand before another and change nothing: `check.up`, `ALERT_RECOVERY`.
const PREFIXES: &[&str] = &["alert", "check", "event", "host", "incident", "monitor", "service", "trigger"];

/// Words for somebody's having seen it, which begins nothing and ends nothing.
const SEEN: &[&str] = &["ack", "acked", "acknowledge", "acknowledged", "acknowledgement"];

/// The header by which a sender marks a repeated delivery.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Where a binding finds what the contract names.
const SCOPE: &[Variable] = &[
    Variable::new("payload.title", "Title as it was sent", VariableType::Text),
    Variable::new("payload.description", "Description as it was sent", VariableType::Text),
    Variable::new("payload.metadata", "Metadata", VariableType::Map),
    Variable::new("payload.metadata.priority", "Priority as it was sent", VariableType::Text),
];

/// Generic HTTP.
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
        "1. Let your system send a `POST` with JSON to `{url}` and the header `Authorization: Bearer {secret}`. Where \
         you cannot set a header, append `?token={secret}` to the address.\n\
         2. When something begins:\n\
         \n\
         ```sh\n\
         curl -X POST \"{url}\" \\\n\
         \x20 -H \"Authorization: Bearer {secret}\" \\\n\
         \x20 -H \"Content-Type: application/json\" \\\n\
         \x20 -d '{\"title\": \"Queue of mails is growing\", \"status\": \"firing\", \"deduplication_key\": \
         \"mail-queue\"}'\n\
         ```\n\
         \n\
         3. When it is over, send the same with `\"status\": \"resolved\"`.\n\
         \n\
         `deduplication_key` names what is wrong, such as host and service; never put a state, a time or a value into \
         it. Without it, the answer names a key that you resolve with. `description`, `source_url` and `metadata` (any \
         object) are optional; `metadata.priority` or `metadata.severity` is the priority. The answer is 202.\n"
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

    fn parse(&self, delivery: Verified<'_>, spare_key: &str) -> Result<Parsed, ParseError> {
        let delivery = delivery.delivery();
        let spare_key = repeated(delivery).unwrap_or_else(|| spare_key.to_owned());
        let text = json::text(delivery.body);
        let document = json::document(&text)?;
        let mut collector = Collector::default();
        match document.get().as_bytes().first() {
            Some(b'{') if is_group(document) => return alertmanager::group(document),
            Some(b'{') => collector.add(document, |raw| event(raw, &spare_key)),
            Some(b'[') => {
                let mut index = 0_usize;
                json::each(document, |raw| {
                    let key = if index == 0 { spare_key.clone() } else { format!("{spare_key}-{index}") };
                    index += 1;
                    collector.add(raw, |raw| event(raw, &key));
                })
                .map_err(|error| ParseError::NotJson { reason: error.to_string() })?;
            }
            _ => return Err(ParseError::WrongShape { reason: "it is no object".to_owned() }),
        }
        Ok(collector.finish())
    }
}

/// The key for a delivery that its sender marks, so that sending it again is not another alert.
fn repeated(delivery: &Delivery<'_>) -> Option<String> {
    let mark = delivery.headers.get(IDEMPOTENCY_KEY)?.as_bytes();
    (!mark.is_empty()).then(|| fingerprint(mark, 32))
}

/// Whether it is a group as Alertmanager has it, sent here by mistake.
fn is_group(document: &RawValue) -> bool {
    let Ok([alerts, title]) = json::fields(document, ["alerts", "title"]) else { return false };
    title.is_none() && alerts.is_some_and(|alerts| alerts.get().starts_with('['))
}

/// Reads one event; none if it neither begins nor ends anything.
pub(super) fn event(raw: &RawValue, spare_key: &str) -> Result<Option<AlertEvent>, Reason> {
    let fields = json::object(raw)?;
    let Some(status) = status(field::find(&fields, STATUS).as_deref()) else { return Ok(None) };
    let key = field::find(&fields, KEY);
    let mut descriptions = DESCRIPTION.iter().filter_map(|path| field::find(&fields, &[path]));
    let title = field::find(&fields, TITLE)
        .or_else(|| descriptions.clone().next()?.lines().next().map(str::to_owned))
        .or_else(|| key.as_ref().map(|key| format!("Alert {}", clip(key, 200))))
        .ok_or(Reason::Shapeless { expected: "an object with a `title`" })?;
    Ok(Some(AlertEvent {
        status,
        deduplication_key: field::key(key.unwrap_or_else(|| spare_key.to_owned())),
        description: field::description(descriptions.find(|text| *text != title)),
        title: field::title(&title),
        source_url: LINK.iter().find_map(|path| field::url(field::find(&fields, &[path]))),
        priority: field::priority(field::find(&fields, PRIORITY)),
        occurred_at: None,
        began_at: None,
        holds_s: None,
        payload: raw.to_owned(),
    }))
}

/// What a word of status means; none if it only says that somebody has seen it.
pub(crate) fn status(word: Option<&str>) -> Option<AlertStatus> {
    let word = word.unwrap_or_default().to_ascii_lowercase();
    let words: Vec<&str> =
        word.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let word = match words[..] {
        [word] => word,
        [prefix, word] if PREFIXES.contains(&prefix) => word,
        _ => return Some(AlertStatus::Firing),
    };
    if SEEN.contains(&word) {
        return None;
    }
    Some(if OVER.contains(&word) { AlertStatus::Resolved } else { AlertStatus::Firing })
}

/// An event by the contract.
fn example(status: &str) -> Value {
    json!({
        "title": "Queue of outgoing mails is growing",
        "status": status,
        "deduplication_key": "mailer/queue-length",
        "description": "4,200 mails are waiting; none left in the last 10 minutes.",
        "source_url": "https://mailer.example.com/queues/outgoing",
        "metadata": { "team": "platform", "priority": "high" }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_status_are_read_as_senders_use_them() {
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
