//! The alert source for Prometheus Alertmanager, and for other senders of its webhook.
//!
//! Each alert in a group becomes one event with the alert's own status. The status of the group only says that some
//! alert fires. An alert that is missing from a group is not resolved, because the sender may have cut it off.

use domain::alert::{AlertEvent, AlertStatus};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::{Collector, UnreadableReason};
use crate::scope::{Variable, VariableType};
use crate::{ParseError, Parsed, Verified, field, json};

/// The variables of the payload that bindings can reference.
const SCOPE: &[Variable] = &[
    Variable::new("payload.labels", "Labels", VariableType::Map),
    Variable::new("payload.labels.alertname", "Alert name", VariableType::Text),
    Variable::new("payload.labels.severity", "Severity", VariableType::Text),
    Variable::new("payload.annotations", "Annotations", VariableType::Map),
    Variable::new("payload.annotations.summary", "Summary", VariableType::Text),
    Variable::new("payload.annotations.description", "Description", VariableType::Text),
    Variable::new("payload.startsAt", "Start time", VariableType::Time),
    Variable::new("payload.generatorURL", "Link to the expression in Prometheus", VariableType::Url),
    Variable::new("payload.fingerprint", "Fingerprint", VariableType::Text),
];

/// The alert source for Alertmanager.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alertmanager;

impl AlertSource for Alertmanager {
    fn kind(&self) -> &'static str {
        "alertmanager"
    }

    fn name(&self) -> &'static str {
        "Alertmanager"
    }

    fn docs(&self) -> &'static str {
        "1. In `alertmanager.yml`, add a receiver:\n\
         \n\
         ```yaml\n\
         receivers:\n\
         \x20 - name: firebell\n\
         \x20   webhook_configs:\n\
         \x20     - url: \"{url}\"\n\
         \x20       send_resolved: true\n\
         \x20       http_config:\n\
         \x20         authorization:\n\
         \x20           type: Bearer\n\
         \x20           credentials: \"{secret}\"\n\
         ```\n\
         \n\
         2. Send alerts to it from a route: `route: { receiver: firebell }`. Leave `max_alerts` at 0, so that no \
         alerts are cut off.\n\
         3. Check the file with `amtool check-config alertmanager.yml`, then reload Alertmanager.\n\
         4. Send a test alert: `amtool alert add alertname=FirebellTest severity=info --annotation=summary='Hello from \
         Alertmanager'`. It arrives after `group_wait`.\n\
         \n\
         The title of the alert is the annotation `summary`; without it, the annotation `title` or the label \
         `alertname`. The priority is the label `severity`.\n"
    }

    fn example(&self) -> Value {
        example("firing", "0001-01-01T00:00:00Z")
    }

    fn example_resolved(&self) -> Value {
        example("resolved", "2026-03-02T04:31:00Z")
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn parse(&self, delivery: Verified<'_>) -> Result<Parsed, ParseError> {
        let text = json::text(delivery.delivery().body);
        group(json::document(&text)?)
    }
}

/// Parses a group of alerts. The version of the format is not checked, because all versions have the needed fields.
pub(super) fn group(document: &RawValue) -> Result<Parsed, ParseError> {
    let wrong = |reason: &str| ParseError::WrongShape { reason: reason.to_owned() };
    if !document.get().starts_with('{') {
        return Err(wrong("it is not an object"));
    }
    let mut collector = Collector::default();
    let fields = match json::fields(document, ["alerts", "status", "externalURL"]) {
        Ok(fields) => fields,
        Err(error) => {
            collector.unreadable(document, UnreadableReason::Malformed { reason: error.to_string() });
            return Ok(collector.finish());
        }
    };
    let [Some(alerts), status, external_url] = fields else { return Err(wrong("it has no `alerts`")) };
    let text = |raw: Option<&RawValue>| raw.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    let group = Group { status: text(status), external_url: field::url(text(external_url)) };
    match alerts.get().as_bytes().first() {
        Some(b'n') => {}
        Some(b'[') => {
            json::each(alerts, |raw| collector.add(raw, |raw| group.alert(raw).map(Some)))
                .map_err(|error| ParseError::NotJson { reason: error.to_string() })?;
        }
        _ => return Err(wrong("its `alerts` are not an array")),
    }
    Ok(collector.finish())
}

/// Parses an alert that is not in a group.
pub(super) fn alone(raw: &RawValue) -> Result<AlertEvent, UnreadableReason> {
    Group { status: None, external_url: None }.alert(raw)
}

/// The values of a group that apply to its alerts.
struct Group {
    /// The status of alerts without a status of their own.
    status: Option<String>,
    /// The URL of Alertmanager, for alerts without a link of their own.
    external_url: Option<String>,
}

impl Group {
    /// Parses one alert.
    fn alert(&self, raw: &RawValue) -> Result<AlertEvent, UnreadableReason> {
        let alert = json::object(raw)?;
        let empty = Map::new();
        let map = |name| alert.get(name).and_then(Value::as_object).unwrap_or(&empty);
        let (labels, annotations) = (map("labels"), map("annotations"));
        let fingerprint = field::text(&alert, "fingerprint");
        if labels.is_empty() && annotations.is_empty() && fingerprint.is_none() {
            return Err(UnreadableReason::UnexpectedShape { expected: "an alert with `labels`" });
        }

        let status = self.status_of(&alert);
        let starts_at = field::time(field::text(&alert, "startsAt"));
        let ends_at = field::time(field::text(&alert, "endsAt"));
        let generator_url = field::url(field::text(&alert, "generatorURL"));
        Ok(AlertEvent {
            status,
            deduplication_key: field::key(fingerprint.unwrap_or_else(|| computed_fingerprint(labels))),
            title: title(labels, annotations),
            description: field::description(
                field::text(annotations, "description").or_else(|| field::text(annotations, "message")),
            ),
            source_url: generator_url.or_else(|| self.external_url.clone()),
            priority: field::priority(field::text(labels, "severity")),
            occurred_at: match status {
                AlertStatus::Firing => starts_at,
                // If the end is before the start, the start is used. Otherwise the resolve would be older than the firing.
                AlertStatus::Resolved => ends_at.max(starts_at).filter(|_| ends_at.is_some()),
            },
            began_at: starts_at,
            holds_s: None,
            payload: raw.to_owned(),
        })
    }

    /// The status of an alert. It is firing unless the alert or its group is resolved.
    fn status_of(&self, alert: &Map<String, Value>) -> AlertStatus {
        let own = field::text(alert, "status");
        match own.as_ref().or(self.status.as_ref()) {
            Some(word) if word.eq_ignore_ascii_case("resolved") => AlertStatus::Resolved,
            Some(_) | None => AlertStatus::Firing,
        }
    }
}

/// The title of an alert. If the alert has no name, the title lists its labels.
fn title(labels: &Map<String, Value>, annotations: &Map<String, Value>) -> String {
    let named = field::text(annotations, "summary")
        .or_else(|| field::text(annotations, "title"))
        .or_else(|| field::text(labels, "alertname"));
    let described = || {
        let texts =
            labels.iter().filter_map(|(name, value)| Some(format!("{name}={}", field::plain(value)?)));
        let text = texts.take(16).collect::<Vec<_>>().join(", ");
        if text.is_empty() { "Alert without a name".to_owned() } else { format!("Alert with {text}") }
    };
    field::title(&named.unwrap_or_else(described))
}

/// Computes the fingerprint as Alertmanager does: FNV-1a over the labels in the order of their names.
fn computed_fingerprint(labels: &Map<String, Value>) -> String {
    const OFFSET: u64 = 14_695_981_039_346_656_037;
    const PRIME: u64 = 1_099_511_628_211;
    let mut sorted: Vec<(&String, &Value)> = labels.iter().collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    let mut hash = OFFSET;
    let mut add = |text: &[u8]| {
        for byte in text.iter().chain(&[0xFF]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
    };
    for (name, value) in sorted {
        add(name.as_bytes());
        match value {
            Value::String(text) => add(text.as_bytes()),
            other => add(other.to_string().as_bytes()),
        }
    }
    format!("{hash:016x}")
}

/// An example of a group with one alert.
fn example(status: &str, ends_at: &str) -> Value {
    json!({
        "version": "4",
        "groupKey": "{}:{alertname=\"DiskAlmostFull\"}",
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "firebell",
        "groupLabels": { "alertname": "DiskAlmostFull" },
        "commonLabels": { "alertname": "DiskAlmostFull", "severity": "critical" },
        "commonAnnotations": {},
        "externalURL": "https://alertmanager.example.com",
        "alerts": [{
            "status": status,
            "labels": {
                "alertname": "DiskAlmostFull",
                "instance": "db-1.example.com:9100",
                "mountpoint": "/var/lib/data",
                "severity": "critical"
            },
            "annotations": {
                "summary": "Disk of db-1 is 97 % full",
                "description": "/var/lib/data on db-1.example.com will be full in about 40 minutes."
            },
            "startsAt": "2026-03-02T04:11:30.5Z",
            "endsAt": ends_at,
            "generatorURL": "https://prometheus.example.com/graph?g0.expr=disk_used_ratio+%3E+0.95",
            "fingerprint": "5d0f1bce8f3a6c27"
        }]
    })
}
