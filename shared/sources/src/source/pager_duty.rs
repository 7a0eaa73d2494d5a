//! PagerDuty's incidents, as its webhooks tell of them.
//!
//! Version 3 signs one event a delivery. Its two elders, which sign nothing and hold a list, and what senders write to
//! PagerDuty's own events API, are read too: the same sender can then be pointed here.

use domain::alert::AlertStatus;
use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::{Collector, Reason};
use crate::scope::{Variable, VariableType};
use crate::told::{self, Reading, Told};
use crate::verify::Signature;
use crate::{ParseError, Parsed, Verified, field, json};

/// How PagerDuty signs; while a secret is rotated there are two.
const SIGNATURE: Signature =
    Signature { between: Some(','), ..Signature::hex("x-pagerduty-signature", "v1=") };

/// What happens to an incident and neither begins nor ends it.
const PASSED_OVER: &[&str] = &[
    "acknowledge",
    "acknowledged",
    "annotated",
    "assign",
    "conference_bridge.updated",
    "custom_field_values.updated",
    "delegate",
    "delegated",
    "escalate",
    "escalated",
    "incident_type.changed",
    "priority_updated",
    "reassigned",
    "responder.added",
    "responder.replied",
    "service_updated",
    "status_update_published",
    "unacknowledge",
    "unacknowledged",
    "workflow.completed",
    "workflow.started",
];

/// Where a binding finds what PagerDuty says of an incident.
const SCOPE: &[Variable] = &[
    Variable::new("payload.event.event_type", "What happened", VariableType::Text),
    Variable::new("payload.event.occurred_at", "When it happened", VariableType::Time),
    Variable::new("payload.event.data.number", "Number of the incident", VariableType::Text),
    Variable::new("payload.event.data.urgency", "Urgency", VariableType::Text),
    Variable::new("payload.event.data.priority.summary", "Priority", VariableType::Text),
    Variable::new("payload.event.data.service.summary", "Service", VariableType::Text),
    Variable::new("payload.event.data.escalation_policy.summary", "Escalation policy", VariableType::Text),
    Variable::new("payload.event.data.incident_key", "Key of the incident", VariableType::Text),
];

/// PagerDuty.
#[derive(Debug, Clone, Copy)]
pub(super) struct PagerDuty;

impl AlertSource for PagerDuty {
    fn kind(&self) -> &'static str {
        "pager_duty"
    }

    fn name(&self) -> &'static str {
        "PagerDuty"
    }

    fn docs(&self) -> &'static str {
        "1. In PagerDuty, open Integrations → Generic Webhooks (v3) → New Webhook.\n\
         2. Set *Webhook URL* to `{url}`, choose the service, team or account whose incidents are to be alerts, and \
         tick at least `incident.triggered`, `incident.reopened` and `incident.resolved`. Add it.\n\
         3. PagerDuty now shows the *webhook secret*, once. Change this alert source so that its `secret_token`, which \
         is `{secret}`, is that one: with it, PagerDuty signs what it sends. Until then its deliveries are refused \
         with 401.\n\
         4. Open the webhook and choose *Send Test Event*: it is answered 202 and is no alert. Then trigger an \
         incident.\n\
         \n\
         An incident is one alert, from when it is triggered or reopened until it is resolved. That somebody \
         acknowledges it at PagerDuty acknowledges nothing here. The priority is the incident's, else its urgency. \
         What signs nothing can send to `{url}?token={secret}`.\n"
    }

    fn example(&self) -> Value {
        example("triggered", "2026-03-02T04:11:30.500Z")
    }

    fn example_resolved(&self) -> Value {
        example("resolved", "2026-03-02T04:31:00.120Z")
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn signatures(&self) -> &'static [Signature] {
        &[SIGNATURE]
    }

    fn parse(&self, delivery: Verified<'_>, _spare_key: &str) -> Result<Parsed, ParseError> {
        let text = json::text(delivery.delivery().body);
        let document = told::object(&text)?;
        let messages = json::fields(document, ["messages"]).ok().and_then(|[messages]| messages);
        let mut collector = Collector::default();
        match messages.filter(|messages| messages.get().starts_with('[')) {
            Some(messages) => json::each(messages, |raw| add(&mut collector, raw, message))
                .map_err(|error| ParseError::NotJson { reason: error.to_string() })?,
            None => add(&mut collector, document, event),
        }
        Ok(collector.finish())
    }
}

/// Adds what one object tells.
fn add(collector: &mut Collector, raw: &RawValue, read: impl FnOnce(&Map<String, Value>) -> Reading) {
    told::add(collector, "PagerDuty", raw, read);
}

/// Reads a delivery of version 3, or what a sender writes to the events API.
fn event(fields: &Map<String, Value>) -> Reading {
    if let Some(action) = field::of(fields, "event_action") {
        return alert(fields, &action);
    }
    let event = fields.get("event").and_then(Value::as_object);
    let event = event.ok_or(Reason::Shapeless { expected: "an object with an `event`" })?;
    let word = field::of(event, "event_type").unwrap_or_default();
    // Services, pings and whatever else is no incident.
    let Some(word) = word.strip_prefix("incident.").or(word.is_empty().then_some("")) else {
        return Ok(None);
    };
    let empty = Map::new();
    let data = event.get("data").and_then(Value::as_object).unwrap_or(&empty);
    let incident = data.get("incident").and_then(Value::as_object).unwrap_or(data);
    let occurred_at = field::time(field::of(event, "occurred_at"));
    told(word, incident, occurred_at)
}

/// Reads one of the messages of versions 1 and 2.
fn message(fields: &Map<String, Value>) -> Reading {
    let word = field::find(fields, &["type", "event"]).unwrap_or_default();
    let empty = Map::new();
    let incident = ["incident", "data.incident"].iter().find_map(|path| field::at(fields, path)?.as_object());
    let at = field::time(field::of(fields, "created_on"));
    told(word.strip_prefix("incident.").unwrap_or(&word), incident.unwrap_or(&empty), at)
}

/// What a word says of an incident.
fn told(word: &str, incident: &Map<String, Value>, occurred_at: Option<Timestamp>) -> Reading {
    if PASSED_OVER.contains(&word) {
        return Ok(None);
    }
    let status = match word {
        "trigger" | "triggered" | "reopened" | "unresolve" => Some(AlertStatus::Firing),
        "resolve" | "resolved" => Some(AlertStatus::Resolved),
        _ => match field::of(incident, "status").as_deref() {
            Some("resolved") => Some(AlertStatus::Resolved),
            Some("acknowledged") => None,
            _ => Some(AlertStatus::Firing),
        },
    };
    Ok(Some(Told {
        status,
        key: field::of(incident, "id").ok_or(Reason::Shapeless { expected: "an incident with its `id`" })?,
        title: field::find(incident, &["title", "summary", "trigger_summary_data.subject"])
            .or_else(|| field::find(incident, &["trigger_summary_data.description", "description"])),
        description: field::find(incident, &["body.details", "service.summary", "service.name"]),
        url: field::of(incident, "html_url"),
        priority: field::find(incident, &["priority.summary", "priority.name", "urgency"]),
        occurred_at,
    }))
}

/// What a sender of the events API tells.
fn alert(fields: &Map<String, Value>, action: &str) -> Reading {
    let status = match action {
        "acknowledge" => None,
        "resolve" => Some(AlertStatus::Resolved),
        _ => Some(AlertStatus::Firing),
    };
    // Without a key PagerDuty makes one and answers it; the same alert is at least the same here.
    let title = field::find(fields, &["payload.summary", "description"]);
    let key = field::find(fields, &["dedup_key", "incident_key"]).or_else(|| title.clone());
    Ok(Some(Told {
        status,
        key: key
            .ok_or(Reason::Shapeless { expected: "an event with a `dedup_key` or a `payload.summary`" })?,
        title,
        description: field::find(fields, &["payload.source", "payload.component"]),
        url: field::find(fields, &["client_url"]),
        priority: field::find(fields, &["payload.severity"]),
        occurred_at: None,
    }))
}

/// An incident.
fn example(status: &str, occurred_at: &str) -> Value {
    json!({ "event": {
        "id": "01DEJ4WPZQ0Y7R7M4Q2X5B1C9K",
        "event_type": format!("incident.{status}"),
        "resource_type": "incident",
        "occurred_at": occurred_at,
        "agent": { "id": "PAGENT1", "type": "user_reference", "summary": "Ada" },
        "client": null,
        "data": {
            "id": "Q1SHOPPAY00001",
            "type": "incident",
            "html_url": "https://example.pagerduty.com/incidents/Q1SHOPPAY00001",
            "number": 1_347,
            "status": status,
            "incident_key": "shop/pay",
            "created_at": "2026-03-02T04:11:30Z",
            "title": "Customers cannot pay by card",
            "service": { "id": "PSHOP01", "type": "service_reference", "summary": "Shop" },
            "escalation_policy": { "id": "PPOLICY", "type": "escalation_policy_reference", "summary": "Default" },
            "assignees": [],
            "teams": [],
            "priority": { "id": "PPRIO01", "type": "priority_reference", "summary": "P1" },
            "urgency": "high"
        }
    } })
}
