//! Heartbeats: a job says each time that it ran, and that it does not is an alert.
//!
//! A ping is counted by the function itself, and what is missed is decided by the clock. What is read here is a ping that
//! says how it went: that the job failed, or is well again.

use serde_json::{Map, Value, json};

use super::{AlertSource, status};
use crate::scope::{Variable, VariableType};
use crate::told::{self, Reading, Told};
use crate::{ParseError, Parsed, Verified, field, json};

/// The name in the API.
pub const KIND: &str = "heartbeat";

/// What tells the alert of a heartbeat from others of its source: there is one.
pub const KEY: &str = "heartbeat";

/// Where a binding finds what a job says.
const SCOPE: &[Variable] = &[
    Variable::new("payload.status", "Status", VariableType::Text),
    Variable::new("payload.message", "What the job says", VariableType::Text),
    Variable::new("payload.url", "Where to look at the job", VariableType::Url),
];

/// Heartbeats.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heartbeat;

impl AlertSource for Heartbeat {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn name(&self) -> &'static str {
        "Heartbeat"
    }

    fn docs(&self) -> &'static str {
        "1. Say with `heartbeat_options` how often your job runs: `interval_seconds`, and `grace_period_seconds` for \
         how much later it may be.\n\
         2. At its end, when all went well, let it ask for `{url}` with `GET` or `POST` and the header `Authorization: \
         Bearer {secret}`, or with `?token={secret}` behind it:\n\
         \n\
         ```sh\n\
         pg_dump shop > shop.sql && curl -fsS --retry 5 --max-time 10 \"{url}?token={secret}\"\n\
         ```\n\
         \n\
         The answer is 204. Nothing is watched before the first ping. From then on, a ping that does not come within \
         interval and grace pages (after as many as `failure_threshold` says), and the next one ends the alert. A job \
         that knows that it failed need not wait for that: it sends `{\"status\": \"failed\", \"message\": \"…\"}` there \
         with `POST`, which pages at once, and `{\"status\": \"ok\"}` ends it.\n"
    }

    fn example(&self) -> Value {
        json!({
            "status": "failed",
            "message": "pg_dump: error: could not write: No space left on device",
            "url": "https://jobs.example.com/backup/1042",
            "priority": "high",
        })
    }

    fn example_resolved(&self) -> Value {
        json!({ "status": "ok" })
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn parse(&self, delivery: Verified<'_>, _spare_key: &str) -> Result<Parsed, ParseError> {
        told::one("Heartbeat", &json::text(delivery.delivery().body), read)
    }
}

/// Reads what a job says of itself.
fn read(fields: &Map<String, Value>) -> Reading {
    let message = field::find(fields, &["message"]);
    Ok(Some(Told {
        status: status(field::find(fields, &["status"]).as_deref()),
        key: KEY.to_owned(),
        title: Some(message.clone().map_or_else(
            || "A job failed".to_owned(),
            |message| message.lines().next().unwrap_or_default().to_owned(),
        )),
        description: message,
        url: field::find(fields, &["url"]),
        priority: field::find(fields, &["priority"]),
        occurred_at: None,
    }))
}
