//! PagerDuty's Events API v2, for senders that page PagerDuty and are to page us: they change a host.
//!
//! The routing key in the body is the secret. It is taken out of what is kept of an event.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ::http::header::HeaderName;
use domain::alert::AlertStatus;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::{Acknowledged, Reason};
use crate::scope::{Variable, VariableType};
use crate::told::{self, Told};
use crate::{Delivery, ParseError, Parsed, Verified, field, json};

/// The header by which some senders name the routing key.
const ROUTING_KEY: HeaderName = HeaderName::from_static("x-routing-key");

/// Where a binding finds what an event says.
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

/// The Events API.
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
        "For everything that sends to PagerDuty today. Nothing changes in it but the host.\n\
         \n\
         1. Give this alert source the integration key that your senders have, as its `secret_token`; or give your \
         senders the one that it has, `{secret}`.\n\
         2. Where a sender has `https://events.pagerduty.com`, put our own host. It posts to `/v2/enqueue`, as before. \
         In Alertmanager that is `pagerduty_url`, with the path. A sender that takes a whole address and can set a \
         header may also use `{url}`.\n\
         3. Test it:\n\
         \n\
         ```sh\n\
         curl -X POST \"{url}\" -H \"Content-Type: application/json\" \\\n\
         \x20 -d '{\"routing_key\": \"{secret}\", \"event_action\": \"trigger\", \"dedup_key\": \"test\", \"payload\": \
         {\"summary\": \"Hello\", \"source\": \"curl\", \"severity\": \"info\"}}'\n\
         ```\n\
         \n\
         `trigger` fires, `resolve` ends, `acknowledge` stops the escalation. Without a `dedup_key`, a trigger is \
         answered with one. Change events are answered as PagerDuty does, and are not kept.\n"
    }

    fn example(&self) -> Value {
        example("trigger")
    }

    fn example_resolved(&self) -> Value {
        example("resolve")
    }

    fn is_found_by_its_secret(&self) -> bool {
        true
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn secret_in<'a>(&self, delivery: &Delivery<'a>) -> Option<Cow<'a, [u8]>> {
        let header = delivery.headers.get(ROUTING_KEY).map(|value| value.as_bytes().into());
        header.or_else(|| Some(routing_key(delivery.body)?.into_bytes().into()))
    }

    fn parse(&self, delivery: Verified<'_>, spare_key: &str) -> Result<Parsed, ParseError> {
        let text = json::text(delivery.delivery().body);
        let document = without_secret(told::object(&text)?);
        let mut acknowledged = Vec::new();
        let parsed = told::one("Alert", &document, |fields| {
            let key = field::of(fields, "dedup_key");
            match field::of(fields, "event_action").as_deref() {
                Some("acknowledge") => {
                    acknowledged.extend(key.map(|key| Acknowledged {
                        deduplication_key: field::key(key),
                        by: field::of(fields, "client"),
                    }));
                    Ok(None)
                }
                Some("resolve") => Ok(key.map(|key| event(AlertStatus::Resolved, key, fields))),
                // A word that is not understood fires.
                Some(_) | None if fields.contains_key("payload") || fields.contains_key("event_action") => {
                    Ok(Some(event(AlertStatus::Firing, key.unwrap_or_else(|| spare_key.to_owned()), fields)))
                }
                Some(_) | None => Err(Reason::Shapeless { expected: "an object with an `event_action`" }),
            }
        })?;
        Ok(Parsed { acknowledged, ..parsed })
    }
}

/// The routing key that a body names.
fn routing_key(body: &[u8]) -> Option<String> {
    let text = json::text(body);
    let [key] = json::fields(json::document(&text).ok()?, ["routing_key"]).ok()?;
    serde_json::from_str(key?.get()).ok()
}

/// A document without the secret in it: neither an alert nor the sample of what cannot be read shows it. One of whose
/// fields the names cannot be read has none.
fn without_secret(document: &RawValue) -> String {
    let mut fields: BTreeMap<String, &RawValue> = serde_json::from_str(document.get()).unwrap_or_default();
    fields.remove("routing_key");
    serde_json::to_string(&fields).expect("what was JSON is JSON")
}

/// What an event tells.
fn event(status: AlertStatus, key: String, fields: &Map<String, Value>) -> Told {
    let empty = Map::new();
    let payload = fields.get("payload").and_then(Value::as_object).unwrap_or(&empty);
    let text = |name| field::of(payload, name);
    let link = fields
        .get("links")
        .and_then(Value::as_array)
        .and_then(|links| links.iter().find_map(|link| field::url(field::of(link.as_object()?, "href"))));
    Told {
        status: Some(status),
        key,
        title: text("summary").or_else(|| Some(format!("Alert of {}", text("source")?))),
        description: described(payload),
        url: field::url(field::of(fields, "client_url")).or(link),
        priority: text("severity"),
        occurred_at: None,
    }
}

/// The details of an event as lines, so that they are read where only text is.
fn described(payload: &Map<String, Value>) -> Option<String> {
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

/// An event of a disk.
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
