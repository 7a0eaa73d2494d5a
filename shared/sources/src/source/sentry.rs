//! The alert source for Sentry's issues, issue alerts and metric alerts, which come through an internal integration.
//!
//! An issue is one alert, whether a delivery is about the issue, an alert rule or an error: alert rules never report the
//! end, but the issue does. The body decides which alert a delivery belongs to. The header with the resource is not signed, so
//! it only decides which deliveries are ignored.

use ::http::header::HeaderName;
use domain::alert::{AlertEvent, AlertStatus};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::{Collector, UnreadableReason};
use crate::parsed_alert::{self, ParsedAlert};
use crate::scope::{Variable, VariableType};
use crate::verify::Signature;
use crate::{ParseError, Parsed, Verified, field, json};

/// The format of Sentry's signatures.
const SIGNATURE: Signature = Signature::hex("sentry-hook-signature", "");

/// The header with the type of resource that a delivery is about.
const RESOURCE: HeaderName = HeaderName::from_static("sentry-hook-resource");

/// Resources that neither fire nor resolve alerts.
const IGNORED_RESOURCES: &[&str] = &["comment", "installation", "preprod_artifact", "seer"];

/// The variables of the payload that bindings can reference.
const SCOPE: &[Variable] = &[
    Variable::new("payload.action", "Action", VariableType::Text),
    Variable::new("payload.data.issue.level", "Level", VariableType::Text),
    Variable::new("payload.data.issue.project.slug", "Project", VariableType::Text),
    Variable::new("payload.data.issue.shortId", "Short issue ID", VariableType::Text),
    Variable::new("payload.data.issue.culprit", "Culprit", VariableType::Text),
    Variable::new("payload.data.issue.platform", "Platform", VariableType::Text),
    Variable::new("payload.data.issue.firstSeen", "First seen", VariableType::Time),
    Variable::new("payload.data.issue.metadata", "Metadata", VariableType::Map),
];

/// The alert source for Sentry.
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
        "1. In Sentry, open Settings → Developer Settings (Custom Integrations) and create an *internal integration*. \
         It needs no installation and no verification.\n\
         2. Set *Webhook URL* to `{url}`, switch on *Alert Rule Action*, give the integration the permission *Issue & \
         Event: Read*, and tick *issue* under Webhooks. Leave *error* off, because Sentry would then send every single \
         error. Save the integration.\n\
         3. Sentry now shows the *Client Secret* of the integration. Change this alert source: replace its \
         `secret_token`, which is `{secret}`, with the client secret. Sentry signs its deliveries with it. Until then, \
         Firebell refuses the deliveries with 401.\n\
         4. In each alert rule that creates alerts, add the action *Send a notification via* your integration. For \
         metric alerts, add it to each threshold.\n\
         5. Test it with *Send Test Notification* in a rule.\n\
         \n\
         Each issue becomes one alert. It fires when an alert rule matches, when the issue is created, or when it is \
         unresolved again. It resolves when the issue is resolved or archived. A metric alert resolves when its rule \
         resolves it. The priority is the level of the issue, or `critical` or `warning` for a metric alert. The old \
         *WebHooks* plugin, which does not sign, can use `{url}?token={secret}`.\n"
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

    fn parse(&self, delivery: Verified<'_>) -> Result<Parsed, ParseError> {
        let delivery = delivery.delivery();
        let text = json::text(delivery.body);
        let document = parsed_alert::object(&text)?;
        let mut collector = Collector::default();
        let resource = delivery.headers.get(RESOURCE).map(|value| value.as_bytes());
        if !IGNORED_RESOURCES.iter().any(|ignored| resource == Some(ignored.as_bytes())) {
            collector.add(document, event);
        }
        Ok(collector.finish())
    }
}

/// Parses a delivery. `None` if it neither fires nor resolves an alert.
fn event(raw: &RawValue) -> Result<Option<AlertEvent>, UnreadableReason> {
    let fields = json::object(raw)?;
    let action = field::text(&fields, "action").unwrap_or_default();
    let empty = Map::new();
    let data = fields.get("data").and_then(Value::as_object).unwrap_or(&empty);
    let of = |name: &str| data.get(name).and_then(Value::as_object);
    let alert = if let Some(metric) = of("metric_alert") {
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
    let alert = alert.ok_or(UnreadableReason::UnexpectedShape {
        expected: "an issue, an event or a metric alert, each with an id",
    })?;
    Ok(alert.event("Sentry", raw))
}

/// Parses an action on an issue.
fn by_issue(action: &str, issue: &Map<String, Value>) -> Option<ParsedAlert> {
    Some(ParsedAlert {
        status: issue_status(action, field::text(issue, "status").as_deref()),
        key: issue_key(field::text(issue, "id")?),
        title: field::text(issue, "title"),
        description: field::text(issue, "culprit"),
        url: ["web_url", "permalink"].iter().find_map(|name| field::url(field::text(issue, name))),
        priority: field::text(issue, "level"),
        // An issue has the time when it was seen, but not the time when it was resolved.
        occurred_at: None,
    })
}

/// Parses an event that triggered an alert rule, or an error.
fn by_event(event: &Map<String, Value>) -> Option<ParsedAlert> {
    Some(ParsedAlert {
        status: Some(AlertStatus::Firing),
        key: issue_key(
            field::text(event, "issue_id").or_else(|| issue_of(&field::text(event, "issue_url")?))?,
        ),
        title: field::text(event, "title"),
        description: field::text(event, "message").or_else(|| field::text(event, "culprit")),
        url: field::text(event, "web_url"),
        priority: field::text(event, "level"),
        // An issue has the time when it was seen, but not the time when it was resolved.
        occurred_at: None,
    })
}

/// Parses a metric alert.
fn by_metric_alert(
    action: &str,
    data: &Map<String, Value>,
    alert: &Map<String, Value>,
) -> Option<ParsedAlert> {
    let rule = alert.get("alert_rule").and_then(Value::as_object);
    // This title begins with the state, which is removed so that the title is the same when the alert resolves.
    let title_without_state = || {
        let title = field::text(data, "description_title")?;
        let bare =
            ["Resolved: ", "Critical: ", "Warning: "].iter().find_map(|state| title.strip_prefix(state));
        Some(bare.map(str::to_owned).unwrap_or(title))
    };
    let is_over = action.eq_ignore_ascii_case("resolved");
    Some(ParsedAlert {
        status: Some(if is_over { AlertStatus::Resolved } else { AlertStatus::Firing }),
        key: format!("metric_alert:{}", field::text(alert, "id")?),
        title: rule.and_then(|rule| field::text(rule, "name")).or_else(title_without_state),
        description: field::text(data, "description_text"),
        url: field::text(data, "web_url"),
        priority: Some(action.to_owned()).filter(|action| !is_over && !action.is_empty()),
        // An issue has the time when it was seen, but not the time when it was resolved.
        occurred_at: None,
    })
}

/// Parses a delivery of the old plugin: an issue and its event, without an action.
fn by_plugin(fields: &Map<String, Value>) -> Option<ParsedAlert> {
    let event = fields.get("event").and_then(Value::as_object)?;
    Some(ParsedAlert {
        status: Some(AlertStatus::Firing),
        key: issue_key(field::text(fields, "id")?),
        title: field::text(event, "title").or_else(|| field::text(fields, "message")),
        description: field::text(fields, "culprit"),
        url: field::text(fields, "url"),
        priority: field::text(fields, "level"),
        // An issue has the time when it was seen, but not the time when it was resolved.
        occurred_at: None,
    })
}

/// The status for an action on an issue. For an unknown action, the status of the issue decides.
fn issue_status(action: &str, status: Option<&str>) -> Option<AlertStatus> {
    match action {
        "assigned" => None,
        "created" | "unresolved" => Some(AlertStatus::Firing),
        "resolved" | "archived" | "ignored" => Some(AlertStatus::Resolved),
        _ if matches!(status, Some("resolved" | "ignored" | "archived")) => Some(AlertStatus::Resolved),
        _ => Some(AlertStatus::Firing),
    }
}

/// The deduplication key of an issue.
fn issue_key(id: String) -> String {
    format!("issue:{id}")
}

/// The id of the issue in a URL.
fn issue_of(url: &str) -> Option<String> {
    let id = url.trim_end_matches('/').rsplit('/').next()?;
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then(|| id.to_owned())
}

/// An example of an action on an issue.
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
