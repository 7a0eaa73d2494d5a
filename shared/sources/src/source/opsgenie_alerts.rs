//! Opsgenie's alert API, for senders that page Opsgenie and are to page us: they change a host.
//!
//! What is asked for stands in the path: an alert is made at its end, and closed behind its name.

use std::borrow::Cow;

use domain::alert::AlertStatus;
use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::{Acknowledged, Reason};
use crate::scope::{Variable, VariableType};
use crate::told::{self, Reading, Told};
use crate::{Delivery, ParseError, Parsed, Verified, field, json, verify};

/// Where a binding finds what an alert says.
const SCOPE: &[Variable] = &[
    Variable::new("payload.message", "Message", VariableType::Text),
    Variable::new("payload.alias", "Alias", VariableType::Text),
    Variable::new("payload.entity", "Entity", VariableType::Text),
    Variable::new("payload.source", "Source", VariableType::Text),
    Variable::new("payload.priority", "Priority", VariableType::Text),
    Variable::new("payload.tags", "Tags", VariableType::Text),
    Variable::new("payload.details", "Details", VariableType::Map),
];

/// The alert API.
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
        "For everything that sends to Opsgenie today. Nothing changes in it but the host.\n\
         \n\
         1. Give this alert source the API key that your senders have, as its `secret_token`; or give your senders the \
         one that it has, `{secret}`.\n\
         2. Where a sender has `https://api.opsgenie.com`, put our own host, or our own host with `/opsgenie`: \
         Alertmanager's `opsgenie_api_url` takes either, and its `opsgenie_api_key` is the key.\n\
         3. Test it:\n\
         \n\
         ```sh\n\
         curl -X POST \"{url}\" -H \"Authorization: GenieKey {secret}\" -H \"Content-Type: application/json\" \\\n\
         \x20 -d '{\"message\": \"Hello\", \"alias\": \"test\", \"priority\": \"P5\"}'\n\
         ```\n\
         \n\
         Create fires, close and delete end, acknowledge stops the escalation. The alias is what tells alerts apart. \
         Notes, tags, snoozes, escalations and assignments are answered as Opsgenie does, and are not kept.\n"
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

    fn resolving_path(&self) -> &'static str {
        "v2/alerts/db-1%2Fdisk/close"
    }

    fn is_found_by_its_secret(&self) -> bool {
        true
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn secret_in<'a>(&self, delivery: &Delivery<'a>) -> Option<Cow<'a, [u8]>> {
        verify::credentials(delivery.headers, "GenieKey").map(Into::into)
    }

    fn parse(&self, delivery: Verified<'_>, spare_key: &str) -> Result<Parsed, ParseError> {
        let delivery = delivery.delivery();
        let (named, action) = asked(delivery.path);
        let text = json::text(delivery.body);
        // What ends or acknowledges an alert needs no body.
        let document = if named.is_some() && text.trim().is_empty() { "{}" } else { &text };
        let mut acknowledged = Vec::new();
        let parsed = told::one("Alert", document, |fields| match (named, action) {
            (None, _) => created(fields, spare_key),
            (Some(key), Some("close") | None) => Ok(Some(over(key, fields))),
            (Some(key), Some("acknowledge")) => {
                let (deduplication_key, by) = (field::key(key), field::of(fields, "user"));
                acknowledged.push(Acknowledged { deduplication_key, by });
                Ok(None)
            }
            (Some(_), Some(_)) => Ok(None),
        })?;
        Ok(Parsed { acknowledged, ..parsed })
    }
}

/// What can be asked for behind the name of an alert.
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

/// The alert that a path names, and what is asked for. A name may have slashes, which some gateways decode on the way.
fn asked(path: &str) -> (Option<String>, Option<&str>) {
    let behind = path.split_once("alerts").map_or("", |(_, behind)| behind).trim_matches('/');
    let (name, action) = match behind.rsplit_once('/') {
        Some((name, action)) if ACTIONS.contains(&action) => (name, Some(action)),
        Some((name, action)) if name.ends_with("/actions") => {
            (name.trim_end_matches("/actions"), Some(action))
        }
        Some(_) | None => (behind, None),
    };
    let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy().into_owned();
    ((!name.is_empty()).then_some(name), action)
}

/// An alert that is made.
fn created(fields: &Map<String, Value>, spare_key: &str) -> Reading {
    let text = |name| field::of(fields, name);
    let (key, title) = (text("alias"), text("message").or_else(|| text("description")));
    if key.is_none() && title.is_none() {
        return Err(Reason::Shapeless { expected: "an object with a `message`" });
    }
    Ok(Some(Told {
        status: Some(AlertStatus::Firing),
        key: key.unwrap_or_else(|| spare_key.to_owned()),
        title,
        description: text("description"),
        url: text("source"),
        priority: text("priority"),
        occurred_at: None,
    }))
}

/// An alert that is over.
fn over(key: String, fields: &Map<String, Value>) -> Told {
    Told {
        status: Some(AlertStatus::Resolved),
        key,
        title: None,
        description: field::of(fields, "note"),
        url: field::of(fields, "source"),
        priority: None,
        occurred_at: None,
    }
}
