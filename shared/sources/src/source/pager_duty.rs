//! The alert source for PagerDuty's incidents, which come through its webhooks.
//!
//! Version 3 signs its deliveries, with one event each. Versions 1 and 2, which do not sign and send a list, are read
//! too. So are requests for PagerDuty's events API, so that its senders can use this address.

use domain::alert::AlertStatus;
use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::{Collector, UnreadableReason};
use crate::parsed_alert::{self, ParseResult, ParsedAlert};
use crate::scope::{Variable, VariableType};
use crate::verify::Signature;
use crate::{ParseError, Parsed, Verified, field, json};

/// The format of PagerDuty's signatures. During the rotation of a secret, a delivery has two.
const SIGNATURE: Signature =
    Signature { separator: Some(','), ..Signature::hex("x-pagerduty-signature", "v1=") };

/// Events about an incident that neither fire nor resolve an alert.
const IGNORED_EVENTS: &[&str] = &[
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

/// The variables of the payload that bindings can reference.
const SCOPE: &[Variable] = &[
    Variable::new("payload.event.event_type", "Event type", VariableType::Text),
    Variable::new("payload.event.occurred_at", "Time of the event", VariableType::Time),
    Variable::new("payload.event.data.number", "Incident number", VariableType::Text),
    Variable::new("payload.event.data.urgency", "Urgency", VariableType::Text),
    Variable::new("payload.event.data.priority.summary", "Priority", VariableType::Text),
    Variable::new("payload.event.data.service.summary", "Service", VariableType::Text),
    Variable::new("payload.event.data.escalation_policy.summary", "Escalation policy", VariableType::Text),
    Variable::new("payload.event.data.incident_key", "Incident key", VariableType::Text),
];

/// The alert source for PagerDuty.
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
         2. Set *Webhook URL* to `{url}`, choose the service, team or account whose incidents become alerts, and tick \
         at least `incident.triggered`, `incident.reopened` and `incident.resolved`. Add the webhook.\n\
         3. PagerDuty now shows the *webhook secret* once. Change this alert source: replace its `secret_token`, which \
         is `{secret}`, with the webhook secret. PagerDuty signs its deliveries with it. Until then, Firebell refuses \
         the deliveries with 401.\n\
         4. Open the webhook and choose *Send Test Event*. Firebell answers with 202 and creates no alert. Then \
         trigger an incident.\n\
         \n\
         Each incident becomes one alert. It fires when the incident is triggered or reopened, and resolves when the \
         incident is resolved. Acknowledging the incident in PagerDuty does not acknowledge the alert in Firebell. The \
         priority is that of the incident; without one, its urgency. A sender that does not sign can use \
         `{url}?token={secret}`.\n"
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

    fn parse(&self, delivery: Verified<'_>) -> Result<Parsed, ParseError> {
        let text = json::text(delivery.delivery().body);
        let document = parsed_alert::object(&text)?;
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

/// Parses one object and adds its alert to the events.
fn add(collector: &mut Collector, raw: &RawValue, read: impl FnMut(&Map<String, Value>) -> ParseResult) {
    parsed_alert::add(collector, "PagerDuty", raw, read);
}

/// Parses a delivery of version 3, or a request for the events API.
fn event(fields: &Map<String, Value>) -> ParseResult {
    if let Some(action) = field::text(fields, "event_action") {
        return events_api(fields, &action);
    }
    let event = fields.get("event").and_then(Value::as_object);
    let event = event.ok_or(UnreadableReason::UnexpectedShape { expected: "an object with an `event`" })?;
    let word = field::text(event, "event_type").unwrap_or_default();
    // Events about services, pings and everything else that is not an incident are ignored.
    let Some(word) = word.strip_prefix("incident.").or(word.is_empty().then_some("")) else {
        return Ok(None);
    };
    let empty = Map::new();
    let data = event.get("data").and_then(Value::as_object).unwrap_or(&empty);
    let incident = data.get("incident").and_then(Value::as_object).unwrap_or(data);
    let occurred_at = field::time(field::text(event, "occurred_at"));
    incident_event(word, incident, occurred_at)
}

/// Parses one message of versions 1 and 2.
fn message(fields: &Map<String, Value>) -> ParseResult {
    let word = field::first_text(fields, &["type", "event"]).unwrap_or_default();
    let empty = Map::new();
    let incident =
        ["incident", "data.incident"].iter().find_map(|path| field::value_at(fields, path)?.as_object());
    let at = field::time(field::text(fields, "created_on"));
    incident_event(word.strip_prefix("incident.").unwrap_or(&word), incident.unwrap_or(&empty), at)
}

/// Converts an event about an incident.
fn incident_event(word: &str, incident: &Map<String, Value>, occurred_at: Option<Timestamp>) -> ParseResult {
    if IGNORED_EVENTS.contains(&word) {
        return Ok(None);
    }
    let status = match word {
        "trigger" | "triggered" | "reopened" | "unresolve" => Some(AlertStatus::Firing),
        "resolve" | "resolved" => Some(AlertStatus::Resolved),
        _ => match field::text(incident, "status").as_deref() {
            Some("resolved") => Some(AlertStatus::Resolved),
            Some("acknowledged") => None,
            _ => Some(AlertStatus::Firing),
        },
    };
    Ok(Some(ParsedAlert {
        status,
        key: field::text(incident, "id")
            .ok_or(UnreadableReason::UnexpectedShape { expected: "an incident with an `id`" })?,
        title: field::first_text(incident, &["title", "summary", "trigger_summary_data.subject"])
            .or_else(|| field::first_text(incident, &["trigger_summary_data.description", "description"])),
        description: field::first_text(incident, &["body.details", "service.summary", "service.name"]),
        url: field::text(incident, "html_url"),
        priority: field::first_text(incident, &["priority.summary", "priority.name", "urgency"]),
        occurred_at,
    }))
}

/// Parses a request for the events API.
fn events_api(fields: &Map<String, Value>, action: &str) -> ParseResult {
    let status = match action {
        "acknowledge" => None,
        "resolve" => Some(AlertStatus::Resolved),
        _ => Some(AlertStatus::Firing),
    };
    // PagerDuty would create a key and return it. The title as the key at least makes equal alerts one alert.
    let title = field::first_text(fields, &["payload.summary", "description"]);
    let key = field::first_text(fields, &["dedup_key", "incident_key"]).or_else(|| title.clone());
    Ok(Some(ParsedAlert {
        status,
        key: key.ok_or(UnreadableReason::UnexpectedShape {
            expected: "an event with a `dedup_key` or a `payload.summary`",
        })?,
        title,
        description: field::first_text(fields, &["payload.source", "payload.component"]),
        url: field::first_text(fields, &["client_url"]),
        priority: field::first_text(fields, &["payload.severity"]),
        occurred_at: None,
    }))
}

/// An example of an event about an incident.
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
