//! Prometheus itself, for which we are an Alertmanager.
//!
//! It sends what fires again and again, each time with the time until which that holds; what is over is sent with a
//! time that has passed.

use domain::alert::{AlertEvent, AlertStatus};
use jiff::SignedDuration;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::{AlertSource, alertmanager};
use crate::parsed::{Collector, Reason};
use crate::scope::{Variable, VariableType};
use crate::{ParseError, Parsed, Verified, field, json};

/// The longest time for which an alert may hold: a day.
const MOST_S: i64 = 24 * 3600;

/// Where a binding finds what an alert says.
const SCOPE: &[Variable] = &[
    Variable::new("payload.labels", "Labels", VariableType::Map),
    Variable::new("payload.labels.alertname", "Name of the alert", VariableType::Text),
    Variable::new("payload.labels.severity", "Severity", VariableType::Text),
    Variable::new("payload.annotations", "Annotations", VariableType::Map),
    Variable::new("payload.annotations.summary", "Summary", VariableType::Text),
    Variable::new("payload.startsAt", "Start", VariableType::Time),
    Variable::new("payload.generatorURL", "Link to the expression", VariableType::Url),
];

/// Prometheus.
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
        "For a Prometheus without an Alertmanager: it sends here as it would there.\n\
         \n\
         1. In `prometheus.yml`, with the host, scheme and path of `{url}`:\n\
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
         3. Test it with a rule that always holds: `expr: vector(1)`.\n\
         \n\
         One alert for each set of labels; nothing is grouped or silenced here as Alertmanager does it. The title is \
         the annotation `summary`, else `title`, else the label `alertname`; the priority is the label `severity`.\n"
    }

    fn example(&self) -> Value {
        example(None)
    }

    fn example_resolved(&self) -> Value {
        example(Some("2026-03-02T04:31:00Z"))
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn parse(&self, delivery: Verified<'_>, _spare_key: &str) -> Result<Parsed, ParseError> {
        let delivery = delivery.delivery();
        let text = json::text(delivery.body);
        let document = json::document(&text)?;
        if !document.get().starts_with('[') {
            return Err(ParseError::WrongShape { reason: "it is no array of alerts".to_owned() });
        }
        let mut collector = Collector::default();
        json::each(document, |raw| collector.add(raw, |raw| alert(raw, delivery.now).map(Some)))
            .map_err(|error| ParseError::NotJson { reason: error.to_string() })?;
        Ok(collector.finish())
    }
}

/// Reads one alert: an Alertmanager's, but that its end says whether it is over.
fn alert(raw: &RawValue, now: jiff::Timestamp) -> Result<AlertEvent, Reason> {
    let mut fields = json::object(raw)?;
    let ends_at = field::time(field::of(&fields, "endsAt"));
    let over = ends_at.is_some_and(|end| end <= now);
    if !over {
        // Until when it holds is new each time, and no news.
        fields.remove("endsAt");
    }
    fields.insert("status".to_owned(), json!(if over { "resolved" } else { "firing" }));
    let read = to_raw_value(&fields).expect("what was JSON is JSON");
    let event = alertmanager::alone(&read)?;
    debug_assert_eq!(event.status == AlertStatus::Resolved, over);
    let holds = ends_at.filter(|_| !over).map(|end| end.duration_since(now));
    Ok(AlertEvent { holds_s: holds.map(lasts), ..event })
}

/// For how many seconds an alert holds that holds for a time from now. A whole minute more at least: the sender's clock
/// and the way here are not to end what goes on.
fn lasts(holds: SignedDuration) -> u32 {
    let minutes = holds.as_secs().clamp(0, MOST_S) / 60;
    u32::try_from((minutes + 2) * 60).unwrap_or(u32::MAX)
}

/// One alert, with the time at which it was over.
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
    fn alert_holds_for_as_long_as_it_says_and_as_long_whenever_it_is_sent_again() {
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
