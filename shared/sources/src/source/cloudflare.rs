//! The alert source for Cloudflare's notifications.
//!
//! Some notifications report a start and an end, some report the state of a monitored object, and some only report a
//! start.

use ::http::header::{HeaderMap, HeaderName, HeaderValue};
use domain::alert::AlertStatus;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::UnreadableReason;
use crate::parsed_alert::{self, ParseResult, ParsedAlert};
use crate::scope::{Variable, VariableType};
use crate::{Delivery, ParseError, Parsed, Verified, VerifyError, field, json, verify};

/// The header that contains the secret.
const SECRET: HeaderName = HeaderName::from_static("cf-webhook-auth");

/// The start of the text that Cloudflare sends to test a webhook.
const TEST: &str = "Hello World! This is a test message";

/// The paths of the state of a monitored object.
const STATE: &[&str] = &["data.new_health_status", "data.new_status", "data.status"];

/// The paths of the object that a notification is about, the most specific first.
const RESOURCE: &[&str] = &[
    "data.attack_id",
    "data.incident_id",
    "data.tunnel_id",
    "data.health_check_id",
    "data.pool_id",
    "data.certificate_id",
    "data.rule_name",
    "data.zone_name",
    "data.zone_tag",
    "data.hostnames",
];

/// The variables of the payload that bindings can reference.
const SCOPE: &[Variable] = &[
    Variable::new("payload.alert_type", "Notification type", VariableType::Text),
    Variable::new("payload.alert_event", "Event", VariableType::Text),
    Variable::new("payload.policy_name", "Policy name", VariableType::Text),
    Variable::new("payload.account_id", "Account ID", VariableType::Text),
    Variable::new("payload.data", "Data of the notification type", VariableType::Map),
    Variable::new("payload.data.severity", "Severity", VariableType::Text),
];

/// The alert source for Cloudflare.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cloudflare;

impl AlertSource for Cloudflare {
    fn kind(&self) -> &'static str {
        "cloudflare"
    }

    fn name(&self) -> &'static str {
        "Cloudflare"
    }

    fn docs(&self) -> &'static str {
        "1. In the Cloudflare dashboard, open Notifications → Destinations → Webhooks → Create.\n\
         2. Set *Webhook URL* to `{url}` and *Secret* to `{secret}`. Choose *Save and Test*. Firebell answers the test \
         with 202 and creates no alert for it. Cloudflare does not let you change the secret of a webhook later: if \
         you rotate the secret, create a new webhook.\n\
         3. Under Notifications → Add, choose the notifications that create alerts, with the webhook as their \
         destination.\n\
         \n\
         A notification with a start and an end becomes one alert. So does a health check, a tunnel or an incident, \
         which resolves when it is healthy, up or resolved again. For other types, such as an expiring certificate, \
         Cloudflare sends no end: resolve these alerts in Firebell. The priority is the severity or the impact of the \
         notification.\n"
    }

    fn example(&self) -> Value {
        example("ALERT_STATE_EVENT_START", 1_772_424_690)
    }

    fn example_resolved(&self) -> Value {
        example("ALERT_STATE_EVENT_END", 1_772_425_860)
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn sign(&self, headers: &mut HeaderMap, _body: &[u8], secret: &SecretString, _now: Timestamp) {
        if let Ok(value) = HeaderValue::from_str(secret.expose_secret()) {
            headers.insert(SECRET, value);
        }
    }

    fn verify<'a>(
        &self,
        delivery: &Delivery<'a>,
        secret: &SecretString,
        previous: Option<&SecretString>,
    ) -> Result<Verified<'a>, VerifyError> {
        verify::token_in_header(&SECRET, delivery, secret, previous)
    }

    fn parse(&self, delivery: Verified<'_>) -> Result<Parsed, ParseError> {
        let body = json::text(delivery.delivery().body);
        parsed_alert::single("Cloudflare", &body, |fields| {
            notification(fields, || delivery.delivery().content_key(&body))
        })
    }
}

/// Parses a notification. `None` if it is a test of the webhook.
fn notification(fields: &Map<String, Value>, content_key: impl FnOnce() -> String) -> ParseResult {
    let (text, kind) = (field::text(fields, "text"), field::text(fields, "alert_type"));
    if kind.is_none() && text.as_ref().is_some_and(|text| text.starts_with(TEST)) {
        return Ok(None);
    }
    let title = field::first_text(fields, &["name", "policy_name"]);
    if title.is_none() && text.is_none() && kind.is_none() {
        return Err(UnreadableReason::UnexpectedShape {
            expected: "a notification with a `name`, a `text` or an `alert_type`",
        });
    }
    Ok(Some(ParsedAlert {
        status: Some(status(fields)),
        key: key(fields).unwrap_or_else(content_key),
        title: title.or_else(|| text.as_ref()?.lines().next().map(str::to_owned)).or(kind),
        description: text,
        url: field::first_text(fields, &["data.dashboard_link"]),
        priority: field::first_text(fields, &["data.severity", "data.incident_impact"]),
        occurred_at: field::epoch(field::text(fields, "ts")),
    }))
}

/// Firing or resolved, by the reported start or end, or by the state of the monitored object. Everything else fires.
fn status(fields: &Map<String, Value>) -> AlertStatus {
    match field::text(fields, "alert_event").as_deref() {
        Some("ALERT_STATE_EVENT_START") => return AlertStatus::Firing,
        Some("ALERT_STATE_EVENT_END") => return AlertStatus::Resolved,
        Some(_) | None => {}
    }
    let incident = field::first_text(fields, &["data.incident_status"]).map(|word| word.to_ascii_uppercase());
    let state = field::first_text(fields, STATE).map(|word| word.to_ascii_lowercase());
    let over = match incident {
        Some(word) => word == "RESOLVED" || word.ends_with("_RESOLVED"),
        None => matches!(state.as_deref(), Some("healthy" | "tunnel_status_type_healthy" | "up")),
    };
    if over { AlertStatus::Resolved } else { AlertStatus::Firing }
}

/// The deduplication key: Cloudflare's own id, or the policy together with the object of the notification.
fn key(fields: &Map<String, Value>) -> Option<String> {
    let of_zones = || {
        let zone = fields.get("data")?.get("unreachable_zones")?.get(0)?;
        field::text(zone.as_object()?, "zone_name")
    };
    let composed = || {
        let parts = [
            field::text(fields, "policy_id").or_else(|| field::first_text(fields, &["policy_name", "name"])),
            field::text(fields, "alert_type"),
            field::first_text(fields, RESOURCE).or_else(of_zones),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(":"))
    };
    field::text(fields, "alert_correlation_id").or_else(composed)
}

/// An example of a notification about an attack.
fn example(event: &str, ts: i64) -> Value {
    json!({
        "account_id": "5d0f1bce8f3a6c275d0f1bce8f3a6c27",
        "alert_correlation_id": "9a1c77e0b4d24f6f8f2d3b5a6c7e8f90",
        "alert_event": event,
        "alert_type": "advanced_ddos_attack_l7_alert",
        "data": {
            "account_name": "Example",
            "action": "managed challenge",
            "attack_id": "b7c1",
            "attack_vector": "HTTP flood",
            "dashboard_link": "https://dash.cloudflare.com/?to=/:account/example.com/security/events",
            "max_rate": "42000 rps",
            "rule_name": "HTTP requests with unusual headers",
            "severity": "high",
            "zone_name": "example.com"
        },
        "name": "Attack on example.com",
        "policy_id": "1f2e3d4c5b6a79881f2e3d4c5b6a7988",
        "policy_name": "Attack on example.com",
        "text": "An HTTP flood against example.com is being mitigated.",
        "ts": ts
    })
}
