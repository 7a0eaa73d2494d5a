//! The alert source for heartbeats: a job pings each time that it has run, and a missed ping is an alert.
//!
//! `http-api` counts the pings, and `app::heartbeat` decides whether one was missed. This file parses pings that have a
//! body, with which a job reports that it failed or succeeded.

use serde_json::{Map, Value, json};

use super::{AlertSource, Endpoint, KindOptions, status};
use crate::parsed_alert::{self, ParseResult, ParsedAlert};
use crate::scope::{Variable, VariableType};
use crate::{ParseError, Parsed, Verified, field, json};

/// The deduplication key of a heartbeat's alert. A heartbeat has only one.
pub const KEY: &str = "heartbeat";

/// The variables of the payload that bindings can reference.
const SCOPE: &[Variable] = &[
    Variable::new("payload.status", "Status", VariableType::Text),
    Variable::new("payload.message", "Message of the job", VariableType::Text),
    Variable::new("payload.url", "Link to the job", VariableType::Url),
];

/// The alert source for heartbeats.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heartbeat;

impl AlertSource for Heartbeat {
    fn kind(&self) -> &'static str {
        "heartbeat"
    }

    fn name(&self) -> &'static str {
        "Heartbeat"
    }

    fn docs(&self) -> &'static str {
        "1. Set `heartbeat_options` to how often your job runs: `interval_seconds`, and `grace_period_seconds` for how \
         late it may be.\n\
         2. When the job has finished successfully, let it request `{url}` with `GET` or `POST` and the header \
         `Authorization: Bearer {secret}`. Without a header, append `?token={secret}`:\n\
         \n\
         ```sh\n\
         pg_dump shop > shop.sql && curl -fsS --retry 5 --max-time 10 \"{url}?token={secret}\"\n\
         ```\n\
         \n\
         Firebell answers with 204. It starts to watch the job with the first ping. If a ping is later than the \
         interval and the grace period, the alert fires (after `failure_threshold` missed pings), and the next ping \
         resolves it. A job that knows that it failed can send `{\"status\": \"failed\", \"message\": \"…\"}` to the \
         same address with `POST`, which fires the alert at once. `{\"status\": \"ok\"}` resolves it.\n"
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

    fn endpoint(&self) -> Endpoint {
        Endpoint::Heartbeat
    }

    fn options(&self) -> Option<KindOptions> {
        Some(KindOptions::Heartbeat)
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn parse(&self, delivery: Verified<'_>) -> Result<Parsed, ParseError> {
        parsed_alert::single("Heartbeat", &json::text(delivery.delivery().body), report)
    }
}

/// Parses the report of a job.
fn report(fields: &Map<String, Value>) -> ParseResult {
    let message = field::first_text(fields, &["message"]);
    Ok(Some(ParsedAlert {
        status: status(field::first_text(fields, &["status"]).as_deref()),
        key: KEY.to_owned(),
        title: Some(message.clone().map_or_else(
            || "Job failed".to_owned(),
            |message| message.lines().next().unwrap_or_default().to_owned(),
        )),
        description: message,
        url: field::first_text(fields, &["url"]),
        priority: field::first_text(fields, &["priority"]),
        occurred_at: None,
    }))
}
