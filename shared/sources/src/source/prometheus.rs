//! The alert source for a Prometheus server, which sends its alerts as it would send them to an Alertmanager.
//!
//! Prometheus repeats a firing alert, each time with the time until which it is valid. It sends a resolved alert with a
//! time in the past.

use domain::alert::{AlertEvent, AlertStatus};
use jiff::SignedDuration;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::{AlertSource, Endpoint, alertmanager};
use crate::parsed::{Collector, UnreadableReason};
use crate::scope::{Variable, VariableType};
use crate::{ParseError, Parsed, Verified, field, json};

/// Longest validity of a firing alert: one day, in seconds.
const MAX_VALIDITY_S: i64 = 24 * 3600;

/// The variables of the payload that bindings can reference.
const SCOPE: &[Variable] = &[
    Variable::new("payload.labels", "Labels", VariableType::Map),
    Variable::new("payload.labels.alertname", "Alert name", VariableType::Text),
    Variable::new("payload.labels.severity", "Severity", VariableType::Text),
    Variable::new("payload.annotations", "Annotations", VariableType::Map),
    Variable::new("payload.annotations.summary", "Summary", VariableType::Text),
    Variable::new("payload.startsAt", "Start time", VariableType::Time),
    Variable::new("payload.generatorURL", "Link to the expression in Prometheus", VariableType::Url),
];

/// The alert source for Prometheus.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prometheus;

impl AlertSource for Prometheus {
    fn kind(&self) -> &'static str {
        "prometheus"
    }

    fn name(&self) -> &'static str {
        "Prometheus"
    }

    fn docs(&self) -> &'static str {
        "Use this alert source for a Prometheus server without Alertmanager. Prometheus sends its alerts to Firebell \
         as if it were an Alertmanager.\n\
         \n\
         1. In `prometheus.yml`, add the scheme, host and path of `{url}`:\n\
         \n\
         ```yaml\n\
         alerting:\n\
         \x20 alertmanagers:\n\
         \x20   - scheme: https\n\
         \x20     path_prefix: /v2/alert_events/prometheus/…\n\
         \x20     authorization:\n\
         \x20       credentials: \"{secret}\"\n\
         \x20     static_configs:\n\
         \x20       - targets: [\"firebell.example.com\"]\n\
         ```\n\
         \n\
         2. Check the file with `promtool check config prometheus.yml`, then reload Prometheus.\n\
         3. Test it with a rule that always fires: `expr: vector(1)`.\n\
         \n\
         Each set of labels becomes one alert. Firebell does not group or silence alerts as Alertmanager does. The \
         title of the alert is the annotation `summary`; without it, the annotation `title` or the label `alertname`. \
         The priority is the label `severity`.\n"
    }

    fn example(&self) -> Value {
        example(None)
    }

    fn example_resolved(&self) -> Value {
        example(Some("2026-03-02T04:31:00Z"))
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::WebhookBelow("/api/v2/alerts")
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn parse(&self, delivery: Verified<'_>) -> Result<Parsed, ParseError> {
        let delivery = delivery.delivery();
        let text = json::text(delivery.body);
        let document = json::document(&text)?;
        if !document.get().starts_with('[') {
            return Err(ParseError::WrongShape { reason: "it is not an array of alerts".to_owned() });
        }
        let mut collector = Collector::default();
        json::each(document, |raw| collector.add(raw, |raw| alert(raw, delivery.now).map(Some)))
            .map_err(|error| ParseError::NotJson { reason: error.to_string() })?;
        Ok(collector.finish())
    }
}

/// Parses one alert in the format of Alertmanager. Its end tells whether it is resolved.
fn alert(raw: &RawValue, now: jiff::Timestamp) -> Result<AlertEvent, UnreadableReason> {
    let mut fields = json::object(raw)?;
    let ends_at = field::time(field::text(&fields, "endsAt"));
    let is_over = ends_at.is_some_and(|end| end <= now);
    if !is_over {
        // The end of the validity changes with each repetition, and would make each one a different payload.
        fields.remove("endsAt");
    }
    fields.insert("status".to_owned(), json!(if is_over { "resolved" } else { "firing" }));
    let read = to_raw_value(&fields).expect("fields that were read from JSON can be written as JSON");
    let event = alertmanager::alone(&read)?;
    debug_assert_eq!(event.status == AlertStatus::Resolved, is_over);
    let validity = ends_at.filter(|_| !is_over).map(|end| end.duration_since(now));
    Ok(AlertEvent { holds_s: validity.map(rounded_seconds), ..event })
}

/// The validity in whole minutes, as seconds. At least one minute is added, so that a difference between the clocks, or a
/// slow network, does not expire an alert that is still firing.
fn rounded_seconds(validity: SignedDuration) -> u32 {
    let minutes = validity.as_secs().clamp(0, MAX_VALIDITY_S) / 60;
    u32::try_from((minutes + 2) * 60).unwrap_or(u32::MAX)
}

/// An example of an alert, with the time of its end.
fn example(ends_at: Option<&str>) -> Value {
    let mut alert = json!({
        "labels": { "alertname": "DiskAlmostFull", "instance": "db-1.example.com:9100", "severity": "critical" },
        "annotations": {
            "summary": "Disk of db-1 is 97 % full",
            "description": "/var/lib/data on db-1.example.com will be full in about 40 minutes."
        },
        "startsAt": "2026-03-02T04:11:30Z",
        "endsAt": ends_at,
        "generatorURL": "https://prometheus.example.com/graph?g0.expr=disk_used_ratio+%3E+0.95"
    });
    if let Some(ends_at) = ends_at {
        alert["endsAt"] = json!(ends_at);
    }
    json!([alert])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validity_and_payload_are_equal_in_each_repetition() {
        let of = |ends_at: &str, now: &str| {
            let raw = json!({ "labels": { "alertname": "a" }, "endsAt": ends_at });
            alert(&to_raw_value(&raw).unwrap(), now.parse().unwrap()).unwrap()
        };

        let first = of("2026-03-02T04:04:00Z", "2026-03-02T04:00:00.2Z");
        let again = of("2026-03-02T04:05:00Z", "2026-03-02T04:01:03Z");
        assert_eq!((first.holds_s, again.holds_s), (Some(300), Some(300)));
        assert_eq!(first.payload.get(), again.payload.get());
        assert_eq!(of("2026-03-02T04:04:00Z", "2026-03-02T04:05:00Z").holds_s, None);
    }
}
