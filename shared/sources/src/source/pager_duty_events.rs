//! The alert source for senders that use PagerDuty's Events API v2, and change only the hostname.
//!
//! The routing key in the body is the secret. It is removed from the payload that is stored.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ::http::header::HeaderName;
use domain::alert::AlertStatus;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::{AlertSource, CompatibleApi, Endpoint};
use crate::parsed::{Acknowledgement, UnreadableReason};
use crate::parsed_alert::{self, ParsedAlert};
use crate::scope::{Variable, VariableType};
use crate::{Delivery, ParseError, Parsed, Verified, field, json};

/// The header in which some senders send the routing key.
const ROUTING_KEY: HeaderName = HeaderName::from_static("x-routing-key");

/// The variables of the payload that bindings can reference.
const SCOPE: &[Variable] = &[
    Variable::new("payload.payload.summary", "Summary", VariableType::Text),
    Variable::new("payload.payload.severity", "Severity", VariableType::Text),
    Variable::new("payload.payload.source", "Source", VariableType::Text),
    Variable::new("payload.payload.component", "Component", VariableType::Text),
    Variable::new("payload.payload.group", "Group", VariableType::Text),
    Variable::new("payload.payload.class", "Class", VariableType::Text),
    Variable::new("payload.payload.custom_details", "Details", VariableType::Map),
    Variable::new("payload.client", "Client", VariableType::Text),
];

/// The alert source for PagerDuty's Events API.
#[derive(Debug, Clone, Copy)]
pub(super) struct PagerDutyEvents;

impl AlertSource for PagerDutyEvents {
    fn kind(&self) -> &'static str {
        "pager_duty_events"
    }

    fn name(&self) -> &'static str {
        "PagerDuty Events API"
    }

    fn docs(&self) -> &'static str {
        "Use this alert source for systems that send events to PagerDuty. You change only the hostname in them.\n\
         \n\
         1. Set the `secret_token` of this alert source to the integration key that your systems already use. Or give \
         your systems this integration key: `{secret}`.\n\
         2. In your systems, replace `https://events.pagerduty.com` with the scheme and host of `{url}`. They still \
         post to `/v2/enqueue`. In Alertmanager, set `pagerduty_url` to the address including that path. A system that \
         accepts a complete URL and a header can also use `{url}`.\n\
         3. Test it:\n\
         \n\
         ```sh\n\
         curl -X POST \"{url}\" -H \"Content-Type: application/json\" \\\n\
         \x20 -d '{\"routing_key\": \"{secret}\", \"event_action\": \"trigger\", \"dedup_key\": \"test\", \"payload\": \
         {\"summary\": \"Hello\", \"source\": \"curl\", \"severity\": \"info\"}}'\n\
         ```\n\
         \n\
         `trigger` fires the alert, `resolve` resolves it, and `acknowledge` stops the escalation. If a trigger has no \
         `dedup_key`, the response contains one. Change events are answered as PagerDuty answers them, but have no \
         effect.\n"
    }

    fn example(&self) -> Value {
        example("trigger")
    }

    fn example_resolved(&self) -> Value {
        example("resolve")
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::CompatibleApi(CompatibleApi::PagerDutyEvents)
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn secret_in<'a>(&self, delivery: &Delivery<'a>) -> Option<Cow<'a, [u8]>> {
        let header = delivery.headers.get(ROUTING_KEY).map(|value| value.as_bytes().into());
        header.or_else(|| Some(routing_key(delivery.body)?.into_bytes().into()))
    }

    fn parse(&self, delivery: Verified<'_>) -> Result<Parsed, ParseError> {
        let text = json::text(delivery.delivery().body);
        let document = without_secret(parsed_alert::object(&text)?);
        let mut acknowledged = Vec::new();
        let parsed = parsed_alert::single("Alert", &document, |fields| {
            let key = field::text(fields, "dedup_key");
            let action = field::text(fields, "event_action").map(|action| action.to_ascii_lowercase());
            match action.as_deref() {
                Some("acknowledge") => {
                    acknowledged.extend(key.map(|key| Acknowledgement {
                        deduplication_key: field::key(key),
                        by: field::text(fields, "client"),
                    }));
                    Ok(None)
                }
                Some("resolve") => Ok(key.map(|key| event(AlertStatus::Resolved, key, fields))),
                // An unknown action fires.
                Some(_) | None if fields.contains_key("payload") || fields.contains_key("event_action") => {
                    Ok(Some(event(
                        AlertStatus::Firing,
                        key.unwrap_or_else(|| delivery.delivery().content_key(&document)),
                        fields,
                    )))
                }
                Some(_) | None => {
                    Err(UnreadableReason::UnexpectedShape { expected: "an object with an `event_action`" })
                }
            }
        })?;
        Ok(Parsed { acknowledged, ..parsed })
    }
}

/// The routing key in a body.
fn routing_key(body: &[u8]) -> Option<String> {
    let text = json::text(body);
    let [key] = json::fields(json::document(&text).ok()?, ["routing_key"]).ok()?;
    serde_json::from_str(key?.get()).ok()
}

/// Removes the routing key from a document, so that neither the alert nor the sample of an unreadable event contains
/// it. A document whose fields cannot be read becomes empty.
fn without_secret(document: &RawValue) -> String {
    let mut fields: BTreeMap<String, &RawValue> = serde_json::from_str(document.get()).unwrap_or_default();
    fields.remove("routing_key");
    serde_json::to_string(&fields).expect("fields that were read from JSON can be written as JSON")
}

/// Converts an event.
fn event(status: AlertStatus, key: String, fields: &Map<String, Value>) -> ParsedAlert {
    let empty = Map::new();
    let payload = fields.get("payload").and_then(Value::as_object).unwrap_or(&empty);
    let text = |name| field::text(payload, name);
    let link = fields
        .get("links")
        .and_then(Value::as_array)
        .and_then(|links| links.iter().find_map(|link| field::url(field::text(link.as_object()?, "href"))));
    ParsedAlert {
        status: Some(status),
        key,
        title: text("summary").or_else(|| Some(format!("Alert from {}", text("source")?))),
        description: details(payload),
        url: field::url(field::text(fields, "client_url")).or(link),
        priority: text("severity"),
        occurred_at: None,
    }
}

/// The details of an event as lines of text, for places that show only text.
fn details(payload: &Map<String, Value>) -> Option<String> {
    match payload.get("custom_details")? {
        Value::Object(details) => {
            let lines = details.iter().filter_map(|(name, value)| {
                let value = field::plain(value)?;
                Some(format!("{name}: {value}"))
            });
            let text = lines.collect::<Vec<_>>().join("\n");
            (!text.is_empty()).then_some(text)
        }
        other => field::plain(other),
    }
}

/// An example of an event about a disk.
fn example(action: &str) -> Value {
    json!({
        "event_action": action,
        "dedup_key": "db-1/disk",
        "client": "Disk watcher",
        "client_url": "https://disks.example.com/db-1",
        "links": [{ "href": "https://wiki.example.com/disks", "text": "Runbook" }],
        "payload": {
            "summary": "Disk of db-1 is 97 % full",
            "severity": "critical",
            "source": "db-1.example.com",
            "component": "/var/lib/data",
            "group": "databases",
            "class": "disk",
            "custom_details": { "used": "97 %", "left": "11 GB" }
        }
    })
}
