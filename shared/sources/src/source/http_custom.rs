//! Anything that sends JSON over HTTP and cannot be taught what to send: the customer says what it means.
//!
//! What the customer says is not known at the door. The event that leaves it is read as well as it can be, as one of
//! plain HTTP is; `custom.rs` makes of it what the customer says, where the configuration is.

use domain::alert::{AlertEvent, AlertStatus};
use domain::text::fingerprint;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{AlertSource, http};
use crate::parsed::{Collector, Reason};
use crate::scope::{Variable, VariableType};
use crate::{ParseError, Parsed, Verified, field, json};

/// The name in the API.
pub(crate) const KIND: &str = "http_custom";

/// The title of what names none.
const UNTITLED: &str = "An alert without a title";

/// Where a binding finds what the example has.
const SCOPE: &[Variable] = &[
    Variable::new("payload.title", "Title as it was sent", VariableType::Text),
    Variable::new("payload.labels", "Labels", VariableType::Map),
];

/// HTTP in the sender's own words.
#[derive(Debug, Clone, Copy)]
pub(super) struct HttpCustom;

impl AlertSource for HttpCustom {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn name(&self) -> &'static str {
        "Custom HTTP"
    }

    fn docs(&self) -> &'static str {
        "1. Let your system send a `POST` with any JSON to `{url}` and the header `Authorization: Bearer {secret}`. Where \
         you cannot set a header, append `?token={secret}` to the address.\n\
         2. Say what it means in `http_custom_options` of the source. `deduplication_key_path` is the path to what is the \
         same when something begins and when it is over, such as `$.alert_id`. `transform_expression` gives the fields \
         of the alert, either as paths:\n\
         \n\
         ```json\n\
         {\"title\": \"$.alert_name\", \"description\": \"$.message\", \"status\": \"$.state\"}\n\
         ```\n\
         \n\
         or as an expression:\n\
         \n\
         ```\n\
         {\"title\": payload.name or \"Unknown\", \"status\": \"resolved\" if payload.state == \"OK\" else \"firing\",\n\
         \x20\"source_url\": payload.url, \"metadata\": {\"team\": payload.team}}\n\
         ```\n\
         \n\
         3. Try it with `POST /v2/alert_sources/actions/preview_alerts` and a payload, which pages nobody.\n\
         \n\
         `status` is over for words such as `resolved`, `ok` and `closed`, and fires for every other. What is not said is \
         read as the HTTP source reads it. Where the expression fails, the alert pages as it came, and says what failed. \
         The answer is 202.\n"
    }

    fn example(&self) -> Value {
        example("firing")
    }

    fn example_resolved(&self) -> Value {
        example("resolved")
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn parse(&self, delivery: Verified<'_>, _: &str) -> Result<Parsed, ParseError> {
        let text = json::text(delivery.delivery().body);
        let document = json::document(&text)?;
        if !document.get().starts_with(['{', '[']) {
            return Err(ParseError::WrongShape { reason: "it is neither an object nor a list".to_owned() });
        }
        let mut collector = Collector::default();
        collector.add(document, |raw| event(raw).map(Some));
        Ok(collector.finish())
    }
}

/// Reads a payload as one event, whatever it is; the key of what names none is its content, so that the same delivery
/// is the same alert.
fn event(raw: &RawValue) -> Result<AlertEvent, Reason> {
    let key = fingerprint(raw.get().as_bytes(), 32);
    match http::event(raw, &key) {
        Ok(Some(event)) => Ok(event),
        Ok(None) | Err(Reason::Shapeless { .. }) => Ok(AlertEvent {
            status: AlertStatus::Firing,
            deduplication_key: field::key(key),
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

/// What a sender might send.
fn example(state: &str) -> Value {
    json!({
        "id": "backup/db-1",
        "title": "Nightly backup of db-1 is late",
        "message": "The last one that is whole is 31 hours old.",
        "state": state,
        "url": "https://backup.example.com/hosts/db-1",
        "severity": "high",
        "labels": { "team": "storage" }
    })
}
