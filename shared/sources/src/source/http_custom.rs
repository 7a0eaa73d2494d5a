//! The alert source for systems whose JSON cannot be changed. The customer configures how it becomes an alert.
//!
//! The function that accepts deliveries does not load the configuration. It parses an event as the HTTP source does.
//! `custom.rs` applies the customer's options later.

use domain::alert::{AlertEvent, AlertStatus};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{AlertSource, KindOptions, http};
use crate::parsed::{Collector, UnreadableReason};
use crate::scope::{Variable, VariableType};
use crate::{Delivery, ParseError, Parsed, Verified, json};

/// The title of events without one.
const UNTITLED: &str = "Alert without a title";

/// The variables of the payload that bindings can reference.
const SCOPE: &[Variable] = &[
    Variable::new("payload.title", "Title in the payload", VariableType::Text),
    Variable::new("payload.labels", "Labels", VariableType::Map),
];

/// The alert source for custom HTTP.
#[derive(Debug, Clone, Copy)]
pub(super) struct HttpCustom;

impl AlertSource for HttpCustom {
    fn kind(&self) -> &'static str {
        "http_custom"
    }

    fn name(&self) -> &'static str {
        "Custom HTTP"
    }

    fn docs(&self) -> &'static str {
        "1. Configure your system to send a `POST` request with any JSON to `{url}` and the header `Authorization: \
         Bearer {secret}`. If you cannot set a header, append `?token={secret}` to the address.\n\
         2. In `http_custom_options` of the alert source, configure how a payload becomes an alert. \
         `deduplication_key_path` is the path to a value that is the same when the alert fires and when it resolves, \
         such as `$.alert_id`. `transform_expression` gives the fields of the alert, either as paths:\n\
         \n\
         ```json\n\
         {\"title\": \"$.alert_name\", \"description\": \"$.message\", \"status\": \"$.state\"}\n\
         ```\n\
         \n\
         or as an expression:\n\
         \n\
         ```\n\
         {\"title\": payload.name or \"Unknown\", \"status\": \"resolved\" if payload.state == \"OK\" else \
         \"firing\",\n\
         \x20\"source_url\": payload.url, \"metadata\": {\"team\": payload.team}}\n\
         ```\n\
         \n\
         3. Try the options with `POST /v2/alert_sources/actions/preview_alerts` and a payload. A preview pages \
         nobody.\n\
         \n\
         A `status` such as `resolved`, `ok` or `closed` resolves the alert, and every other value fires it. Fields \
         that the expression does not set are read as in an HTTP source. If the expression fails, the alert fires with \
         the fields of an HTTP source, and lists the error. Firebell answers with 202.\n"
    }

    fn example(&self) -> Value {
        example("firing")
    }

    fn example_resolved(&self) -> Value {
        example("resolved")
    }

    fn options(&self) -> Option<KindOptions> {
        Some(KindOptions::HttpCustom)
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn parse(&self, delivery: Verified<'_>) -> Result<Parsed, ParseError> {
        let delivery = delivery.delivery();
        let text = json::text(delivery.body);
        let document = json::document(&text)?;
        if !document.get().starts_with(['{', '[']) {
            return Err(ParseError::WrongShape { reason: "it is neither an object nor an array".to_owned() });
        }
        let mut collector = Collector::default();
        collector.add(document, |raw| event(raw, delivery).map(Some));
        Ok(collector.finish())
    }
}

/// Parses any payload as one event. If the payload has no deduplication key, the key is a hash of its content, so that
/// a repeated delivery is the same alert.
fn event(raw: &RawValue, delivery: &Delivery<'_>) -> Result<AlertEvent, UnreadableReason> {
    let key = || delivery.content_key(raw.get());
    match http::event(raw, key) {
        Ok(Some(event)) => Ok(event),
        Ok(None) | Err(UnreadableReason::UnexpectedShape { .. }) => Ok(AlertEvent {
            status: AlertStatus::Firing,
            deduplication_key: key(),
            title: UNTITLED.to_owned(),
            description: None,
            source_url: None,
            priority: None,
            occurred_at: None,
            began_at: None,
            holds_s: None,
            payload: raw.to_owned(),
        }),
        Err(reason) => Err(reason),
    }
}

/// An example payload of a system.
fn example(state: &str) -> Value {
    json!({
        "deduplication_key": "backup/db-1",
        "title": "Nightly backup of db-1 is late",
        "message": "The last complete backup is 31 hours old.",
        "state": state,
        "url": "https://backup.example.com/hosts/db-1",
        "severity": "high",
        "labels": { "team": "storage" }
    })
}
