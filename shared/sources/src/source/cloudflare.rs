//! Cloudflare's notifications.
//!
//! Some say that they begin and end, some tell a state of something that is watched, and some only ever begin.

use ::http::header::{HeaderMap, HeaderName, HeaderValue};
use domain::alert::AlertStatus;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::Reason;
use crate::scope::{Variable, VariableType};
use crate::told::{self, Reading, Told};
use crate::{Delivery, ParseError, Parsed, Verified, VerifyError, field, json, verify};

/// The header with the secret, as it is.
const SECRET: HeaderName = HeaderName::from_static("cf-webhook-auth");

/// How the text of the message begins with which Cloudflare tests a webhook.
const TEST: &str = "Hello World! This is a test message";

/// Where `data` says what something is like that is watched.
const STATE: &[&str] = &["data.new_health_status", "data.new_status", "data.status"];

/// Where `data` names what it is about, best first.
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

/// Where a binding finds what Cloudflare says.
const SCOPE: &[Variable] = &[
    Variable::new("payload.alert_type", "Type of the notification", VariableType::Text),
    Variable::new("payload.alert_event", "What happened", VariableType::Text),
    Variable::new("payload.policy_name", "Name of the policy", VariableType::Text),
    Variable::new("payload.account_id", "Account", VariableType::Text),
    Variable::new("payload.data", "What the type has of its own", VariableType::Map),
    Variable::new("payload.data.severity", "Severity", VariableType::Text),
];

/// Cloudflare.
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
        "1. In Cloudflare's dashboard, open Notifications → Destinations → Webhooks → Create.\n\
         2. Set *Webhook URL* to `{url}` and *Secret* to `{secret}`. Choose *Save and Test*: the test is answered 202 \
         and is no alert. Cloudflare lets only the name be changed later: with another secret, create another webhook.\n\
         3. Under Notifications → Add, choose what is to page, and the webhook as its destination.\n\
         \n\
         What begins and ends is one alert, as is a health check, a tunnel or an incident that is healthy, up or \
         resolved again. Of the other types, such as a certificate that expires, Cloudflare never says that they are \
         over: resolve those alerts here. The priority is the notification's severity or impact.\n"
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
        verify::token_in(&SECRET, delivery, secret, previous)
    }

    fn parse(&self, delivery: Verified<'_>, spare_key: &str) -> Result<Parsed, ParseError> {
        told::one("Cloudflare", &json::text(delivery.delivery().body), |fields| {
            notification(fields, spare_key)
        })
    }
}

/// Reads a notification; none if it is a test.
fn notification(fields: &Map<String, Value>, spare_key: &str) -> Reading {
    let (text, kind) = (field::of(fields, "text"), field::of(fields, "alert_type"));
    if kind.is_none() && text.as_ref().is_some_and(|text| text.starts_with(TEST)) {
        return Ok(None);
    }
    let title = field::find(fields, &["name", "policy_name"]);
    if title.is_none() && text.is_none() && kind.is_none() {
        return Err(Reason::Shapeless {
            expected: "a notification with a `name`, a `text` or an `alert_type`",
        });
    }
    Ok(Some(Told {
        status: Some(status(fields)),
        key: key(fields).unwrap_or_else(|| spare_key.to_owned()),
        title: title.or_else(|| text.as_ref()?.lines().next().map(str::to_owned)).or(kind),
        description: text,
        url: field::find(fields, &["data.dashboard_link"]),
        priority: field::find(fields, &["data.severity", "data.incident_impact"]),
        occurred_at: field::epoch(field::of(fields, "ts")),
    }))
}

/// What happened: what says so decides, then the state of what is watched; everything else fires.
fn status(fields: &Map<String, Value>) -> AlertStatus {
    match field::of(fields, "alert_event").as_deref() {
        Some("ALERT_STATE_EVENT_START") => return AlertStatus::Firing,
        Some("ALERT_STATE_EVENT_END") => return AlertStatus::Resolved,
        Some(_) | None => {}
    }
    let incident = field::find(fields, &["data.incident_status"]).map(|word| word.to_ascii_uppercase());
    let state = field::find(fields, STATE).map(|word| word.to_ascii_lowercase());
    let over = match incident {
        Some(word) => word == "RESOLVED" || word.ends_with("_RESOLVED"),
        None => matches!(state.as_deref(), Some("healthy" | "tunnel_status_type_healthy" | "up")),
    };
    if over { AlertStatus::Resolved } else { AlertStatus::Firing }
}

/// What tells this alert from others: Cloudflare's own id, else the policy and what it is about.
fn key(fields: &Map<String, Value>) -> Option<String> {
    let of_zones = || {
        let zone = fields.get("data")?.get("unreachable_zones")?.get(0)?;
        field::of(zone.as_object()?, "zone_name")
    };
    let composed = || {
        let parts = [
            field::of(fields, "policy_id").or_else(|| field::find(fields, &["policy_name", "name"])),
            field::of(fields, "alert_type"),
            field::find(fields, RESOURCE).or_else(of_zones),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(":"))
    };
    field::of(fields, "alert_correlation_id").or_else(composed)
}

/// An attack.
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
