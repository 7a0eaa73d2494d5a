//! The alert source for senders that use Opsgenie's alert API, and change only the hostname.
//!
//! The path tells what is requested: `alerts` creates an alert, and `alerts/{alias}/close` closes it.

use std::borrow::Cow;

use domain::alert::AlertStatus;
use serde_json::{Map, Value, json};

use super::{AlertSource, CompatibleApi, Endpoint};
use crate::parsed::{Acknowledgement, UnreadableReason};
use crate::parsed_alert::{self, ParseResult, ParsedAlert};
use crate::scope::{Variable, VariableType};
use crate::{Delivery, ParseError, Parsed, Verified, field, json, verify};

/// The variables of the payload that bindings can reference.
const SCOPE: &[Variable] = &[
    Variable::new("payload.message", "Message", VariableType::Text),
    Variable::new("payload.alias", "Alias", VariableType::Text),
    Variable::new("payload.entity", "Entity", VariableType::Text),
    Variable::new("payload.source", "Source", VariableType::Text),
    Variable::new("payload.priority", "Priority", VariableType::Text),
    Variable::new("payload.tags", "Tags", VariableType::Text),
    Variable::new("payload.details", "Details", VariableType::Map),
];

/// The alert source for Opsgenie's alert API.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpsgenieAlerts;

impl AlertSource for OpsgenieAlerts {
    fn kind(&self) -> &'static str {
        "opsgenie_alerts"
    }

    fn name(&self) -> &'static str {
        "Opsgenie alert API"
    }

    fn docs(&self) -> &'static str {
        "Use this alert source for systems that send alerts to Opsgenie's API. You change only the hostname in them.\n\
         \n\
         1. Set the `secret_token` of this alert source to the API key that your systems already use. Or give your \
         systems this API key: `{secret}`.\n\
         2. In your systems, replace `https://api.opsgenie.com` with the scheme and host of `{url}`, with or without \
         `/opsgenie` after it. In Alertmanager, set `opsgenie_api_url` to that address and `opsgenie_api_key` to the \
         API key.\n\
         3. Test it:\n\
         \n\
         ```sh\n\
         curl -X POST \"{url}\" -H \"Authorization: GenieKey {secret}\" -H \"Content-Type: application/json\" \\\n\
         \x20 -d '{\"message\": \"Hello\", \"alias\": \"test\", \"priority\": \"P5\"}'\n\
         ```\n\
         \n\
         Creating an alert fires it, closing or deleting it resolves it, and acknowledging it stops the escalation. \
         The alias identifies the alert. Requests for notes, tags, snoozes, escalations and assignments are answered \
         as Opsgenie answers them, but have no effect.\n"
    }

    fn example(&self) -> Value {
        json!({
            "message": "Disk of db-1 is 97 % full",
            "alias": "db-1/disk",
            "description": "/var/lib/data on db-1.example.com will be full in about 40 minutes.",
            "entity": "db-1.example.com",
            "source": "https://disks.example.com/db-1",
            "priority": "P1",
            "tags": ["disk", "databases"],
            "details": { "used": "97 %", "left": "11 GB" }
        })
    }

    fn example_resolved(&self) -> Value {
        json!({ "source": "https://disks.example.com/db-1", "note": "Cleaned up" })
    }

    fn example_resolved_path(&self) -> &'static str {
        "v2/alerts/db-1%2Fdisk/close"
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::CompatibleApi(CompatibleApi::OpsgenieAlerts)
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn secret_in<'a>(&self, delivery: &Delivery<'a>) -> Option<Cow<'a, [u8]>> {
        verify::authorization_credentials(delivery.headers, "GenieKey").map(Into::into)
    }

    fn parse(&self, delivery: Verified<'_>) -> Result<Parsed, ParseError> {
        let delivery = delivery.delivery();
        let (alias, action) = parse_path(delivery.path);
        let text = json::text(delivery.body);
        // Requests about an existing alert need no body.
        let document = if alias.is_some() && text.trim().is_empty() { "{}" } else { &text };
        let mut acknowledged = Vec::new();
        let parsed = parsed_alert::single("Alert", document, |fields| match (alias.clone(), action) {
            (None, _) => create(fields, || delivery.content_key(document)),
            (Some(key), Some("close") | None) => Ok(Some(close(key, fields))),
            (Some(key), Some("acknowledge")) => {
                let (deduplication_key, by) = (field::key(key), field::text(fields, "user"));
                acknowledged.push(Acknowledgement { deduplication_key, by });
                Ok(None)
            }
            (Some(_), Some(_)) => Ok(None),
        })?;
        Ok(Parsed { acknowledged, ..parsed })
    }
}

/// The actions that may follow the alias of an alert in the path.
const ACTIONS: &[&str] = &[
    "acknowledge",
    "assign",
    "attachments",
    "close",
    "description",
    "details",
    "escalate",
    "message",
    "notes",
    "priority",
    "responders",
    "snooze",
    "tags",
    "unacknowledge",
];

/// The alias and the action in a path. An alias may contain slashes, which some gateways decode.
fn parse_path(path: &str) -> (Option<String>, Option<&str>) {
    let rest = path.split_once("alerts").map_or("", |(_, rest)| rest).trim_matches('/');
    let (name, action) = match rest.rsplit_once('/') {
        Some((name, action)) if ACTIONS.contains(&action) => (name, Some(action)),
        Some((name, action)) if name.ends_with("/actions") => {
            (name.trim_end_matches("/actions"), Some(action))
        }
        Some(_) | None => (rest, None),
    };
    // The same as for the alias in a body: space around it does not count.
    let name = json::text(&Cow::from(percent_encoding::percent_decode_str(name))).trim().to_owned();
    ((!name.is_empty()).then_some(name), action)
}

/// Parses a request that creates an alert.
fn create(fields: &Map<String, Value>, content_key: impl FnOnce() -> String) -> ParseResult {
    let text = |name| field::text(fields, name);
    let (key, title) = (text("alias"), text("message").or_else(|| text("description")));
    if key.is_none() && title.is_none() {
        return Err(UnreadableReason::UnexpectedShape { expected: "an object with a `message`" });
    }
    Ok(Some(ParsedAlert {
        status: Some(AlertStatus::Firing),
        key: key.unwrap_or_else(content_key),
        title,
        description: text("description"),
        url: text("source"),
        priority: text("priority"),
        occurred_at: None,
    }))
}

/// Parses a request that closes or deletes an alert.
fn close(key: String, fields: &Map<String, Value>) -> ParsedAlert {
    ParsedAlert {
        status: Some(AlertStatus::Resolved),
        key,
        title: None,
        description: field::text(fields, "note"),
        url: field::text(fields, "source"),
        priority: None,
        occurred_at: None,
    }
}
