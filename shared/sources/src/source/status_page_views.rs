//! The alert source for spikes of page views. Many people look at a status page when something is broken.
//!
//! The format is our own, with the signatures of Standard Webhooks. The webhooks of two web analytics products are read
//! too. Drops of page views are ignored.

use domain::alert::AlertStatus;
use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::UnreadableReason;
use crate::parsed_alert::{self, ParseResult, ParsedAlert};
use crate::scope::{Variable, VariableType};
use crate::verify::{Encoding, HeaderContent, Signature, SignedHeader, SigningKey};
use crate::{ParseError, Parsed, Verified, field, json};

/// The format of Standard Webhooks: a signature over id, time and body. During a rotation, there are several.
const STANDARD: Signature = Signature {
    header: "webhook-signature",
    prefix: "v1,",
    separator: Some(' '),
    encoding: Encoding::Base64,
    signed_headers: &[
        SignedHeader { header: "webhook-id", content: HeaderContent::Id, separator: "." },
        SignedHeader { header: "webhook-timestamp", content: HeaderContent::Seconds, separator: "." },
    ],
    key: SigningKey::Whsec,
};

/// The format of Swetrix's signatures.
const SWETRIX: Signature = Signature::hex("x-swetrix-signature", "sha256=");

/// The variables of the payload that bindings can reference.
const SCOPE: &[Variable] = &[
    Variable::new("payload.site", "Site", VariableType::Text),
    Variable::new("payload.page", "Page", VariableType::Text),
    Variable::new("payload.metric", "Metric", VariableType::Text),
    Variable::new("payload.rule", "Rule", VariableType::Text),
    Variable::new("payload.value", "Value", VariableType::Text),
    Variable::new("payload.baseline", "Baseline", VariableType::Text),
    Variable::new("payload.threshold", "Threshold", VariableType::Text),
    Variable::new("payload.window_minutes", "Window in minutes", VariableType::Text),
    Variable::new("payload.started_at", "Start time", VariableType::Time),
];

/// The alert source for spikes of page views.
#[derive(Debug, Clone, Copy)]
pub(super) struct StatusPageViews;

impl AlertSource for StatusPageViews {
    fn kind(&self) -> &'static str {
        "status_page_views"
    }

    fn name(&self) -> &'static str {
        "Page view spikes"
    }

    fn docs(&self) -> &'static str {
        "1. Configure the system that counts the views of your status page, or of any other page, to send a `POST` \
         request with JSON to `{url}` when the views spike:\n\
         \n\
         ```json\n\
         {\"site\":\"status.example.com\",\"page\":\"/incidents/42\",\"metric\":\"page_views\",\"state\":\"spike\",\"value\":1234,\"baseline\":180.5,\"threshold\":1000,\"ratio\":6.84,\"window_minutes\":5,\"rule\":\"default\",\"priority\":\"high\",\"started_at\":\"2026-04-24T10:00:00Z\",\"ended_at\":null,\"url\":\"https://analytics.example.com/status\"}\n\
         ```\n\
         \n\
         2. When the spike is over, send the same with `\"state\":\"normal\"` and `ended_at`. Wait until the value is \
         below 0.8 of the threshold, so that the alert does not flap. Only this request resolves the alert.\n\
         3. Sign the requests as [Standard Webhooks](https://www.standardwebhooks.com) specifies, with the headers \
         `webhook-id`, `webhook-timestamp` and `webhook-signature`. The key is `{secret}`: the bytes of the text, or, \
         if it begins with `whsec_`, the base64 text after that. A signature is valid for five minutes. A system that \
         cannot sign can send `Authorization: Bearer {secret}`, or use `{url}?token={secret}`.\n\
         \n\
         `site` and `state` are required. `site`, `page`, `metric` and `rule` identify the spike. A `spike` whose \
         `value` is below its `threshold` is ignored, and so is a `drop`.\n\
         \n\
         Webhooks of Swetrix are supported with their signature, if the `secret_token` of this alert source is the \
         secret of the webhook. Webhooks of GoSquared are supported with the token. Neither of them reports the end of \
         a spike.\n"
    }

    fn example(&self) -> Value {
        example("spike", 1_234, Value::Null)
    }

    fn example_resolved(&self) -> Value {
        example("normal", 210, json!("2026-03-02T04:31:00Z"))
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn signatures(&self) -> &'static [Signature] {
        &[STANDARD, SWETRIX]
    }

    fn parse(&self, delivery: Verified<'_>) -> Result<Parsed, ParseError> {
        parsed_alert::single("Page views", &json::text(delivery.delivery().body), |fields| {
            let of = |name: &str| fields.get(name).and_then(Value::as_object);
            match (of("context"), of("triggeredAlert")) {
                (Some(context), _) => swetrix(fields, context),
                (None, Some(alert)) => gosquared(fields, alert),
                (None, None) => spike(fields),
            }
        })
    }
}

/// Parses our own format.
fn spike(fields: &Map<String, Value>) -> ParseResult {
    let site = field::text(fields, "site")
        .ok_or(UnreadableReason::UnexpectedShape { expected: "an object with a `site`" })?;
    let number = |name: &str| field::text(fields, name)?.parse::<f64>().ok();
    let or = |name: &str, default: &str| field::text(fields, name).unwrap_or_else(|| default.to_owned());
    let (page, metric, rule) = (or("page", ""), or("metric", "page_views"), or("rule", "default"));
    let small = number("value").zip(number("threshold")).is_some_and(|(value, threshold)| value < threshold);
    let (status, at) = match field::text(fields, "state").unwrap_or_default().to_ascii_lowercase().as_str() {
        "normal" | "ok" | "resolved" => (Some(AlertStatus::Resolved), "ended_at"),
        "drop" => (None, "started_at"),
        "spike" if small => (None, "started_at"),
        _ => (Some(AlertStatus::Firing), "started_at"),
    };
    let counted = field::text(fields, "value").map(|value| match field::text(fields, "window_minutes") {
        Some(window) => format!(": {value} in {window} min"),
        None => format!(": {value}"),
    });
    let usual = field::text(fields, "baseline").map(|usual| format!(" (usual {usual})"));
    let name = if metric == "page_views" { "page views" } else { &metric };
    Ok(Some(ParsedAlert {
        status,
        key: [&*site, &*page, &*metric, &*rule].join("|"),
        title: Some(format!(
            "Spike of {name} on {site}{page}{}{}",
            counted.unwrap_or_default(),
            usual.unwrap_or_default()
        )),
        description: field::text(fields, "description").or_else(|| {
            Some(format!("The threshold is {}, set by the rule {rule}.", field::text(fields, "threshold")?))
        }),
        url: field::text(fields, "url"),
        priority: field::text(fields, "priority"),
        occurred_at: field::time(field::text(fields, at)),
    }))
}

/// Parses an alert of Swetrix, which reports no end.
fn swetrix(fields: &Map<String, Value>, context: &Map<String, Value>) -> ParseResult {
    let condition = field::text(context, "condition").unwrap_or_default().to_ascii_lowercase();
    if field::text(fields, "type").as_deref() == Some("verification") || condition.starts_with("less") {
        return Ok(None);
    }
    let name = field::text(context, "alert_name");
    let id = [field::text(context, "project_id"), name.clone()].into_iter().flatten().collect::<Vec<_>>();
    if id.is_empty() {
        return Err(UnreadableReason::UnexpectedShape { expected: "a `context` with an `alert_name`" });
    }
    Ok(Some(ParsedAlert {
        status: Some(AlertStatus::Firing),
        key: format!("swetrix:{}", id.join(":")),
        title: name.or_else(|| field::text(fields, "subject")),
        description: field::text(fields, "body"),
        url: field::text(context, "dashboard_url"),
        priority: None,
        occurred_at: None,
    }))
}

/// Parses an alert of GoSquared about a crossed boundary. GoSquared reports no end.
fn gosquared(fields: &Map<String, Value>, alert: &Map<String, Value>) -> ParseResult {
    let boundary = field::text(alert, "boundary").unwrap_or_default();
    if boundary == "lower" {
        return Ok(None);
    }
    let id = field::text(alert, "id")
        .ok_or(UnreadableReason::UnexpectedShape { expected: "a `triggeredAlert` with an `id`" })?;
    let site = field::first_text(fields, &["siteDetails.acct", "siteDetails.domain"]).unwrap_or_default();
    let visitors =
        field::first_text(fields, &["snapshot.concurrents.visitors"]).unwrap_or_else(|| "many".to_owned());
    let limit = field::text(alert, "value").unwrap_or_default();
    Ok(Some(ParsedAlert {
        status: Some(AlertStatus::Firing),
        key: format!("gosquared:{site}:{id}"),
        title: Some(format!("GoSquared: {visitors} visitors (alert boundary {boundary} {limit})")),
        description: field::first_text(fields, &["siteDetails.site_name"]),
        url: field::first_text(fields, &["siteDetails.url"]),
        priority: None,
        occurred_at: None,
    }))
}

/// An example of a spike, or of its end.
fn example(state: &str, value: u32, ended_at: Value) -> Value {
    json!({
        "site": "status.example.com",
        "page": "/incidents/42",
        "metric": "page_views",
        "state": state,
        "value": value,
        "baseline": 180.5,
        "threshold": 1000,
        "ratio": f64::from(value) / 180.5,
        "window_minutes": 5,
        "rule": "default",
        "priority": "high",
        "started_at": "2026-03-02T04:11:30Z",
        "ended_at": ended_at,
        "url": "https://analytics.example.com/status.example.com"
    })
}
