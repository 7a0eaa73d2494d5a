//! Sentry's issues, issue alerts and metric alerts, as an internal integration sends them.
//!
//! An issue is one alert, whether its life, an alert rule or an error of it is told of: an issue alert never says that
//! it is over, and the issue does. What a delivery is about is read off its body, since the header with the resource
//! is under no signature; it only says what is passed over.

use ::http::header::HeaderName;
use domain::alert::{AlertEvent, AlertStatus};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::{Collector, Reason};
use crate::scope::{Variable, VariableType};
use crate::told::{self, Told};
use crate::verify::Signature;
use crate::{ParseError, Parsed, Verified, field, json};

/// How Sentry signs.
const SIGNATURE: Signature = Signature::hex("sentry-hook-signature", "");

/// The header with what a delivery is about.
const RESOURCE: HeaderName = HeaderName::from_static("sentry-hook-resource");

/// What begins nothing and ends nothing, whatever is said of it.
const PASSED_OVER: &[&str] = &["comment", "installation", "preprod_artifact", "seer"];

/// Where a binding finds what Sentry says of an issue.
const SCOPE: &[Variable] = &[
    Variable::new("payload.action", "What happened", VariableType::Text),
    Variable::new("payload.data.issue.level", "Level", VariableType::Text),
    Variable::new("payload.data.issue.project.slug", "Project", VariableType::Text),
    Variable::new("payload.data.issue.shortId", "Short id of the issue", VariableType::Text),
    Variable::new("payload.data.issue.culprit", "Culprit", VariableType::Text),
    Variable::new("payload.data.issue.platform", "Platform", VariableType::Text),
    Variable::new("payload.data.issue.firstSeen", "First seen", VariableType::Time),
    Variable::new("payload.data.issue.metadata", "Metadata", VariableType::Map),
];

/// Sentry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sentry;

impl AlertSource for Sentry {
    fn kind(&self) -> &'static str {
        "sentry"
    }

    fn name(&self) -> &'static str {
        "Sentry"
    }

    fn docs(&self) -> &'static str {
        "1. In Sentry, open Settings → Developer Settings (Custom Integrations) and create an *internal integration*: \
         it needs no installation and no verification of one.\n\
         2. Set *Webhook URL* to `{url}`, switch on *Alert Rule Action*, give it *Issue & Event: Read*, and tick \
         *issue* under Webhooks. Leave *error* off: each single error would be told. Save it.\n\
         3. Sentry now shows the integration's *Client Secret*. Change this alert source so that its `secret_token`, \
         which is `{secret}`, is that one: with it, Sentry signs what it sends. Until then its deliveries are \
         refused with 401.\n\
         4. In the alert rules that are to page, add the action *Send a notification via* your integration. For \
         metric alerts add it to each threshold.\n\
         5. Test it with *Send Test Notification* in a rule.\n\
         \n\
         An issue is one alert, opened by a rule, by its creation or by its return, and over when it is resolved or \
         archived; a metric alert is over when its rule says so. The priority is the issue's level, or `critical` \
         or `warning`. The old *WebHooks* plugin, which signs nothing, can send to `{url}?token={secret}`.\n"
    }

    fn example(&self) -> Value {
        example("unresolved")
    }

    fn example_resolved(&self) -> Value {
        example("resolved")
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn signatures(&self) -> &'static [Signature] {
        &[SIGNATURE]
    }

    fn parse(&self, delivery: Verified<'_>, _spare_key: &str) -> Result<Parsed, ParseError> {
        let delivery = delivery.delivery();
        let text = json::text(delivery.body);
        let document = told::object(&text)?;
        let mut collector = Collector::default();
        let resource = delivery.headers.get(RESOURCE).map(|value| value.as_bytes());
        if !PASSED_OVER.iter().any(|passed_over| resource == Some(passed_over.as_bytes())) {
            collector.add(document, event);
        }
        Ok(collector.finish())
    }
}

/// Reads what a delivery tells; none if it neither begins nor ends anything.
fn event(raw: &RawValue) -> Result<Option<AlertEvent>, Reason> {
    let fields = json::object(raw)?;
    let action = field::of(&fields, "action").unwrap_or_default();
    let empty = Map::new();
    let data = fields.get("data").and_then(Value::as_object).unwrap_or(&empty);
    let of = |name: &str| data.get(name).and_then(Value::as_object);
    let told = if let Some(metric) = of("metric_alert") {
        by_metric_alert(&action, data, metric)
    } else if let Some(issue) = of("issue") {
        by_issue(&action, issue)
    } else if let Some(event) = of("event").or_else(|| of("error")) {
        by_event(event)
    } else if data.contains_key("installation") || data.contains_key("comment_id") {
        return Ok(None);
    } else {
        by_plugin(&fields)
    };
    let told =
        told.ok_or(Reason::Shapeless { expected: "an issue, an event or a metric alert, each with its id" })?;
    Ok(told.event("Sentry", raw))
}

/// The life of an issue.
fn by_issue(action: &str, issue: &Map<String, Value>) -> Option<Told> {
    Some(Told {
        status: issue_status(action, field::of(issue, "status").as_deref()),
        key: issue_key(field::of(issue, "id")?),
        title: field::of(issue, "title"),
        description: field::of(issue, "culprit"),
        url: ["web_url", "permalink"].iter().find_map(|name| field::url(field::of(issue, name))),
        priority: field::of(issue, "level"),
        // An issue says when it was seen, and not when it was resolved.
        occurred_at: None,
    })
}

/// An event for which an alert rule was triggered, or an error.
fn by_event(event: &Map<String, Value>) -> Option<Told> {
    Some(Told {
        status: Some(AlertStatus::Firing),
        key: issue_key(field::of(event, "issue_id").or_else(|| issue_of(&field::of(event, "issue_url")?))?),
        title: field::of(event, "title"),
        description: field::of(event, "message").or_else(|| field::of(event, "culprit")),
        url: field::of(event, "web_url"),
        priority: field::of(event, "level"),
        // An issue says when it was seen, and not when it was resolved.
        occurred_at: None,
    })
}

/// A metric alert.
fn by_metric_alert(action: &str, data: &Map<String, Value>, alert: &Map<String, Value>) -> Option<Told> {
    let rule = alert.get("alert_rule").and_then(Value::as_object);
    // This title begins with the state, so that it is another one when the alert is over.
    let stated = || {
        let title = field::of(data, "description_title")?;
        let bare =
            ["Resolved: ", "Critical: ", "Warning: "].iter().find_map(|state| title.strip_prefix(state));
        Some(bare.map(str::to_owned).unwrap_or(title))
    };
    let over = action.eq_ignore_ascii_case("resolved");
    Some(Told {
        status: Some(if over { AlertStatus::Resolved } else { AlertStatus::Firing }),
        key: format!("metric_alert:{}", field::of(alert, "id")?),
        title: rule.and_then(|rule| field::of(rule, "name")).or_else(stated),
        description: field::of(data, "description_text"),
        url: field::of(data, "web_url"),
        priority: Some(action.to_owned()).filter(|action| !over && !action.is_empty()),
        // An issue says when it was seen, and not when it was resolved.
        occurred_at: None,
    })
}

/// What the old plugin sends: an issue and its event, without a word of what happened.
fn by_plugin(fields: &Map<String, Value>) -> Option<Told> {
    let event = fields.get("event").and_then(Value::as_object)?;
    Some(Told {
        status: Some(AlertStatus::Firing),
        key: issue_key(field::of(fields, "id")?),
        title: field::of(event, "title").or_else(|| field::of(fields, "message")),
        description: field::of(fields, "culprit"),
        url: field::of(fields, "url"),
        priority: field::of(fields, "level"),
        // An issue says when it was seen, and not when it was resolved.
        occurred_at: None,
    })
}

/// What an action means for an issue; of one that is not known the issue's own status decides.
fn issue_status(action: &str, status: Option<&str>) -> Option<AlertStatus> {
    match action {
        "assigned" => None,
        "created" | "unresolved" => Some(AlertStatus::Firing),
        "resolved" | "archived" | "ignored" => Some(AlertStatus::Resolved),
        _ if matches!(status, Some("resolved" | "ignored" | "archived")) => Some(AlertStatus::Resolved),
        _ => Some(AlertStatus::Firing),
    }
}

/// The key of an issue, whoever tells of it.
fn issue_key(id: String) -> String {
    format!("issue:{id}")
}

/// The id of the issue at an address.
fn issue_of(url: &str) -> Option<String> {
    let id = url.trim_end_matches('/').rsplit('/').next()?;
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then(|| id.to_owned())
}

/// An issue.
fn example(action: &str) -> Value {
    json!({
        "action": action,
        "actor": { "type": "application", "id": "sentry", "name": "Sentry" },
        "installation": { "uuid": "0b0c2f0e-6a52-4d0e-9d0a-3f6c6a1f7c11" },
        "data": { "issue": {
            "id": "4100200300",
            "shortId": "SHOP-7F",
            "title": "ConnectionError: the payment service did not answer",
            "culprit": "shop.checkout in pay",
            "level": "error",
            "status": action,
            "platform": "python",
            "type": "error",
            "firstSeen": "2026-03-02T04:11:30.500000Z",
            "lastSeen": "2026-03-02T04:29:02.120000Z",
            "count": "17",
            "userCount": 9,
            "metadata": { "type": "ConnectionError", "value": "the payment service did not answer" },
            "project": { "id": "501", "name": "Shop", "slug": "shop", "platform": "python" },
            "web_url": "https://example.sentry.io/issues/4100200300/"
        } }
    })
}
