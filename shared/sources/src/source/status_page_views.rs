//! Spikes of page views: somebody looks at the status page because something is broken.
//!
//! The format is ours, signed as Standard Webhooks has it. Two analysers of web traffic that have a webhook of their own
//! are read too. A drop is no spike.

use domain::alert::AlertStatus;
use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::Reason;
use crate::scope::{Variable, VariableType};
use crate::told::{self, Reading, Told};
use crate::verify::{Key, Says, Signature, Stamp, Written};
use crate::{ParseError, Parsed, Verified, field, json};

/// How Standard Webhooks signs: id, time and body, and several while a secret is rotated.
const STANDARD: Signature = Signature {
    header: "webhook-signature",
    prefix: "v1,",
    between: Some(' '),
    written: Written::Base64,
    stamps: &[
        Stamp { header: "webhook-id", says: Says::Id, then: "." },
        Stamp { header: "webhook-timestamp", says: Says::Seconds, then: "." },
    ],
    key: Key::Whsec,
};

/// How Swetrix signs.
const SWETRIX: Signature = Signature::hex("x-swetrix-signature", "sha256=");

/// Where a binding finds what the format has.
const SCOPE: &[Variable] = &[
    Variable::new("payload.site", "Site", VariableType::Text),
    Variable::new("payload.page", "Page", VariableType::Text),
    Variable::new("payload.metric", "What is counted", VariableType::Text),
    Variable::new("payload.rule", "Rule", VariableType::Text),
    Variable::new("payload.value", "How many", VariableType::Text),
    Variable::new("payload.baseline", "How many are usual", VariableType::Text),
    Variable::new("payload.threshold", "How many are a spike", VariableType::Text),
    Variable::new("payload.window_minutes", "In how many minutes", VariableType::Text),
    Variable::new("payload.started_at", "Start", VariableType::Time),
];

/// Spikes of page views.
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
        "1. Let whatever counts the views of your status page, or of any page, send a `POST` with JSON to `{url}` when \
         they spike:\n\
         \n\
         ```json\n\
         {\"site\":\"status.example.com\",\"page\":\"/incidents/42\",\"metric\":\"page_views\",\"state\":\"spike\",\
         \"value\":1234,\"baseline\":180.5,\"threshold\":1000,\"ratio\":6.84,\"window_minutes\":5,\"rule\":\"default\",\
         \"priority\":\"high\",\"started_at\":\"2026-04-24T10:00:00Z\",\"ended_at\":null,\
         \"url\":\"https://analytics.example.com/status\"}\n\
         ```\n\
         \n\
         2. Send the same with `\"state\":\"normal\"` and `ended_at` when it is over. Wait until the value is below 0.8 \
         of the threshold, so that it does not flap: nothing else ends the alert.\n\
         3. Sign as [Standard Webhooks](https://www.standardwebhooks.com) says, with the headers `webhook-id`, \
         `webhook-timestamp` and `webhook-signature`, under `{secret}`: its bytes as they are, or, if it begins with \
         `whsec_`, what follows in base64. A signature holds for five minutes. What cannot sign sends `Authorization: \
         Bearer {secret}`, or to `{url}?token={secret}`.\n\
         \n\
         Needed are `site` and `state`. `site`, `page`, `metric` and `rule` say which spike it is. A `spike` whose \
         `value` is below its `threshold` is passed over, as is a `drop`.\n\
         \n\
         The webhooks of Swetrix are read with its signature, once this alert source has the webhook's secret as its \
         `secret_token`, and those of GoSquared with the token. Neither says that a spike is over.\n"
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

    fn parse(&self, delivery: Verified<'_>, _spare_key: &str) -> Result<Parsed, ParseError> {
        told::one("Page views", &json::text(delivery.delivery().body), |fields| {
            let of = |name: &str| fields.get(name).and_then(Value::as_object);
            match (of("context"), of("triggeredAlert")) {
                (Some(context), _) => swetrix(fields, context),
                (None, Some(alert)) => gosquared(fields, alert),
                (None, None) => spike(fields),
            }
        })
    }
}

/// Reads the format that is ours.
fn spike(fields: &Map<String, Value>) -> Reading {
    let site = field::of(fields, "site").ok_or(Reason::Shapeless { expected: "an object with a `site`" })?;
    let number = |name: &str| field::of(fields, name)?.parse::<f64>().ok();
    let or = |name: &str, default: &str| field::of(fields, name).unwrap_or_else(|| default.to_owned());
    let (page, metric, rule) = (or("page", ""), or("metric", "page_views"), or("rule", "default"));
    let small = number("value").zip(number("threshold")).is_some_and(|(value, threshold)| value < threshold);
    let (status, at) = match field::of(fields, "state").unwrap_or_default().to_ascii_lowercase().as_str() {
        "normal" | "ok" | "resolved" => (Some(AlertStatus::Resolved), "ended_at"),
        "drop" => (None, "started_at"),
        "spike" if small => (None, "started_at"),
        _ => (Some(AlertStatus::Firing), "started_at"),
    };
    let counted = field::of(fields, "value").map(|value| match field::of(fields, "window_minutes") {
        Some(window) => format!(": {value} in {window} min"),
        None => format!(": {value}"),
    });
    let usual = field::of(fields, "baseline").map(|usual| format!(" (usual {usual})"));
    let name = if metric == "page_views" { "page views" } else { &metric };
    Ok(Some(Told {
        status,
        key: [&*site, &*page, &*metric, &*rule].join("|"),
        title: Some(format!(
            "Spike of {name} on {site}{page}{}{}",
            counted.unwrap_or_default(),
            usual.unwrap_or_default()
        )),
        description: field::of(fields, "description").or_else(|| {
            Some(format!(
                "More than {} count as a spike by the rule {rule}.",
                field::of(fields, "threshold")?
            ))
        }),
        url: field::of(fields, "url"),
        priority: field::of(fields, "priority"),
        occurred_at: field::time(field::of(fields, at)),
    }))
}

/// Reads what Swetrix sends when an alert is triggered; it has none for its end.
fn swetrix(fields: &Map<String, Value>, context: &Map<String, Value>) -> Reading {
    let condition = field::of(context, "condition").unwrap_or_default().to_ascii_lowercase();
    if field::of(fields, "type").as_deref() == Some("verification") || condition.starts_with("less") {
        return Ok(None);
    }
    let name = field::of(context, "alert_name");
    let id = [field::of(context, "project_id"), name.clone()].into_iter().flatten().collect::<Vec<_>>();
    if id.is_empty() {
        return Err(Reason::Shapeless { expected: "a `context` with an `alert_name`" });
    }
    Ok(Some(Told {
        status: Some(AlertStatus::Firing),
        key: format!("swetrix:{}", id.join(":")),
        title: name.or_else(|| field::of(fields, "subject")),
        description: field::of(fields, "body"),
        url: field::of(context, "dashboard_url"),
        priority: None,
        occurred_at: None,
    }))
}

/// Reads what GoSquared sends when a boundary is crossed; it has none for its end.
fn gosquared(fields: &Map<String, Value>, alert: &Map<String, Value>) -> Reading {
    let boundary = field::of(alert, "boundary").unwrap_or_default();
    if boundary == "lower" {
        return Ok(None);
    }
    let id =
        field::of(alert, "id").ok_or(Reason::Shapeless { expected: "a `triggeredAlert` with its `id`" })?;
    let site = field::find(fields, &["siteDetails.acct", "siteDetails.domain"]).unwrap_or_default();
    let visitors =
        field::find(fields, &["snapshot.concurrents.visitors"]).unwrap_or_else(|| "many".to_owned());
    let limit = field::of(alert, "value").unwrap_or_default();
    Ok(Some(Told {
        status: Some(AlertStatus::Firing),
        key: format!("gosquared:{site}:{id}"),
        title: Some(format!("GoSquared: {visitors} visitors (alert boundary {boundary} {limit})")),
        description: field::find(fields, &["siteDetails.site_name"]),
        url: field::find(fields, &["siteDetails.url"]),
        priority: None,
        occurred_at: None,
    }))
}

/// A spike, or the end of it.
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
