//! The alert source for alerts of Opsgenie and Jira Service Management, which come through a webhook integration.

use domain::alert::AlertStatus;
use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::UnreadableReason;
use crate::parsed_alert::{self, ParseResult, ParsedAlert};
use crate::scope::{Variable, VariableType};
use crate::{ParseError, Parsed, Verified, field, json};

/// The variables of the payload that bindings can reference.
const SCOPE: &[Variable] = &[
    Variable::new("payload.action", "Action", VariableType::Text),
    Variable::new("payload.alert.alias", "Alias", VariableType::Text),
    Variable::new("payload.alert.tinyId", "Short ID", VariableType::Text),
    Variable::new("payload.alert.entity", "Entity", VariableType::Text),
    Variable::new("payload.alert.source", "Source", VariableType::Text),
    Variable::new("payload.alert.team", "Team", VariableType::Text),
    Variable::new("payload.alert.details", "Extra properties", VariableType::Map),
    Variable::new("payload.alert.tags.0", "First tag", VariableType::Text),
    Variable::new("payload.integrationName", "Integration name", VariableType::Text),
];

/// The alert source for Opsgenie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opsgenie;

impl AlertSource for Opsgenie {
    fn kind(&self) -> &'static str {
        "opsgenie"
    }

    fn name(&self) -> &'static str {
        "Opsgenie"
    }

    fn docs(&self) -> &'static str {
        "1. In Opsgenie, open Settings → Integrations → Add integration, and choose *Webhook*.\n\
         2. Set *Webhook URL* to `{url}`, and add the header `Authorization` with the value `Bearer {secret}`. Tick \
         *Add alert description* and *Add alert details* to the payload.\n\
         3. Configure the actions *alert is created*, *alert is closed* and *alert is deleted* to post to the webhook. \
         Turn the integration on.\n\
         4. Create an alert to test the integration.\n\
         \n\
         Each alert of Opsgenie becomes one alert. It fires with `Create`, and resolves with `Close` or `Delete`. \
         Every other action is ignored, including acknowledgements in Opsgenie. The link is the extra property `url` \
         or `link`. The priority is P1 to P5.\n"
    }

    fn example(&self) -> Value {
        example("Create", 1_772_424_690_500_000_000)
    }

    fn example_resolved(&self) -> Value {
        example("Close", 1_772_425_860_120_000_000)
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn parse(&self, delivery: Verified<'_>) -> Result<Parsed, ParseError> {
        parsed_alert::single("Opsgenie alert", &json::text(delivery.delivery().body), action)
    }
}

/// Parses an action on an alert. Unknown actions are ignored, because customers can define their own.
fn action(fields: &Map<String, Value>) -> ParseResult {
    let expected =
        UnreadableReason::UnexpectedShape { expected: "an `action` on an `alert` with an `alertId`" };
    let Some(word) = field::text(fields, "action") else { return Err(expected) };
    let status = match word.to_ascii_lowercase().as_str() {
        "create" => AlertStatus::Firing,
        "close" | "delete" => AlertStatus::Resolved,
        _ => return Ok(None),
    };
    let Some(alert) = fields.get("alert").and_then(Value::as_object) else { return Err(expected) };
    let Some(key) = field::text(alert, "alertId") else { return Err(expected) };
    let links = ["details.url", "details.link", "details.URL"];
    Ok(Some(ParsedAlert {
        status: Some(status),
        key,
        title: field::text(alert, "message"),
        description: field::text(alert, "description"),
        url: links.iter().find_map(|path| field::url(field::first_text(alert, &[path]))),
        priority: field::text(alert, "priority").map(|priority| match priority.as_bytes() {
            [b'1'..=b'5'] => format!("P{priority}"),
            _ => priority,
        }),
        occurred_at: field::epoch(field::first_text(alert, &["updatedAt", "createdAt"])),
    }))
}

/// An example of an action on an alert.
fn example(action: &str, updated_at: i64) -> Value {
    json!({
        "action": action,
        "alert": {
            "alertId": "0b0c2f0e-6a52-4d0e-9d0a-3f6c6a1f7c11-1772424690500",
            "message": "Customers cannot pay by card",
            "description": "Every payment by card ends with “declined”.",
            "tags": ["payments", "production"],
            "tinyId": "1347",
            "alias": "shop/pay",
            "entity": "shop",
            "source": "monitoring",
            "team": "platform",
            "priority": "P1",
            "details": { "url": "https://grafana.example.com/d/shop", "region": "eu-west-1" },
            "createdAt": 1_772_424_690_500_i64,
            "updatedAt": updated_at,
            "username": "ada@example.com"
        },
        "source": { "name": "monitoring", "type": "API" },
        "integrationId": "37c8f316-17c6-49d7-899b-9c7e540c048d",
        "integrationName": "Firebell",
        "integrationType": "Webhook"
    })
}
