//! Grafana's alerting: what it sends is Alertmanager's webhook and a little more; up to version 8 it had one of its own.

use domain::alert::AlertStatus;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::{AlertSource, alertmanager};
use crate::parsed::Reason;
use crate::scope::{Variable, VariableType};
use crate::told::{self, Reading, Told};
use crate::verify::{self, Says, Signature, Stamp};
use crate::{Delivery, ParseError, Parsed, Verified, VerifyError, field, json};

/// How Grafana signs a body.
const SIGNATURE: Signature = Signature::hex("x-grafana-alerting-signature", "");

/// How it signs one with the time, if a header is named for that.
const STAMPED: Signature =
    Signature { stamps: &[Stamp { header: TIMESTAMP, says: Says::Seconds, then: ":" }], ..SIGNATURE };

/// The header that is to be named for the time.
const TIMESTAMP: &str = "x-grafana-alerting-signature-timestamp";

/// Where a binding finds what Grafana says.
const SCOPE: &[Variable] = &[
    Variable::new("payload.labels", "Labels", VariableType::Map),
    Variable::new("payload.labels.alertname", "Name of the rule", VariableType::Text),
    Variable::new("payload.labels.grafana_folder", "Folder of the rule", VariableType::Text),
    Variable::new("payload.labels.severity", "Severity", VariableType::Text),
    Variable::new("payload.annotations", "Annotations", VariableType::Map),
    Variable::new("payload.values", "Values", VariableType::Map),
    Variable::new("payload.startsAt", "Start", VariableType::Time),
    Variable::new("payload.dashboardURL", "Link to the dashboard", VariableType::Url),
    Variable::new("payload.panelURL", "Link to the panel", VariableType::Url),
    Variable::new("payload.silenceURL", "Link to a silence", VariableType::Url),
    Variable::new("payload.imageURL", "Image of the panel", VariableType::Url),
    Variable::new("payload.fingerprint", "Fingerprint", VariableType::Text),
];

/// Grafana.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grafana;

impl AlertSource for Grafana {
    fn kind(&self) -> &'static str {
        "grafana"
    }

    fn name(&self) -> &'static str {
        "Grafana"
    }

    fn docs(&self) -> &'static str {
        "1. In Grafana, open Alerting → Contact points → Create contact point, and choose *Webhook*.\n\
         2. Set *URL* to `{url}`. Under *Optional Webhook settings*, set *Authorization Header - Scheme* to `Bearer` and \
         *Authorization Header - Credentials* to `{secret}`. Leave *Disable resolved message* off, *Max Alerts* at 0 \
         and *Custom Payload* empty.\n\
         3. Choose *Test*: it pages, as an alert named `TestAlert` would. Save it, and point a notification policy at \
         it.\n\
         \n\
         A newer Grafana can also sign: set *HMAC Signature* → *Secret* to `{secret}`, leave *Header* as it is, and set \
         *Timestamp Header* to `X-Grafana-Alerting-Signature-Timestamp`, so that nobody can send again what they saw. \
         What is signed needs no authorization.\n\
         \n\
         Each alert of a notification is one here. The title is the annotation `summary`, else `title`, else the label \
         `alertname`; the priority is the label `severity`. The notifications of Grafana 8 and before are read too, \
         with basic authentication: any name, and the secret as the password.\n"
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

    fn verify<'a>(
        &self,
        delivery: &Delivery<'a>,
        secret: &SecretString,
        previous: Option<&SecretString>,
    ) -> Result<Verified<'a>, VerifyError> {
        // What is signed with the time is no signature of the body, so that taking the header away gives nothing.
        let signature = if delivery.headers.contains_key(TIMESTAMP) { &STAMPED } else { &SIGNATURE };
        if signature.is_on(delivery) {
            return signature.verify(delivery, secret, previous);
        }
        verify::token(delivery, secret, previous)
    }

    fn parse(&self, delivery: Verified<'_>, _spare_key: &str) -> Result<Parsed, ParseError> {
        let text = json::text(delivery.delivery().body);
        let document = told::object(&text)?;
        match json::fields(document, ["alerts"]) {
            Ok([Some(_)]) => alertmanager::group(document),
            _ => told::one("Grafana", &text, rule),
        }
    }
}

/// Reads what Grafana sent up to version 8: the state of one rule.
fn rule(fields: &Map<String, Value>) -> Reading {
    let id = field::of(fields, "ruleId").map(|id| format!("ruleId={id}"));
    let name = field::of(fields, "ruleName");
    let key = id.or_else(|| Some(format!("ruleName={}", name.as_ref()?)));
    let status = match field::of(fields, "state").as_deref() {
        Some("ok") => Some(AlertStatus::Resolved),
        Some("paused" | "pending") => None,
        Some(_) | None => Some(AlertStatus::Firing),
    };
    Ok(Some(Told {
        status,
        key: key
            .ok_or(Reason::Shapeless { expected: "a notification with its `alerts`, or with a `ruleId`" })?,
        title: name.or_else(|| field::of(fields, "title")),
        description: field::of(fields, "message"),
        url: field::of(fields, "ruleUrl"),
        priority: field::find(fields, &["tags.severity", "tags.priority"]),
        occurred_at: None,
    }))
}

/// A notification of one alert.
fn example(status: &str, ends_at: &str) -> Value {
    json!({
        "receiver": "firebell",
        "status": status,
        "orgId": 1,
        "alerts": [{
            "status": status,
            "labels": {
                "alertname": "Disk almost full",
                "grafana_folder": "Databases",
                "instance": "db-1.example.com:9100",
                "severity": "critical"
            },
            "annotations": {
                "summary": "Disk of db-1 is 97 % full",
                "description": "/var/lib/data on db-1.example.com will be full in about 40 minutes."
            },
            "startsAt": "2026-03-02T04:11:30Z",
            "endsAt": ends_at,
            "generatorURL": "https://grafana.example.com/alerting/grafana/disk-full/view?orgId=1",
            "fingerprint": "5d0f1bce8f3a6c28",
            "silenceURL": "https://grafana.example.com/alerting/silence/new?alertmanager=grafana",
            "dashboardURL": "https://grafana.example.com/d/databases?orgId=1",
            "panelURL": "https://grafana.example.com/d/databases?orgId=1&viewPanel=2",
            "imageURL": "https://grafana.example.com/public/img/attachments/panel.png",
            "values": { "A": 0.97, "C": 1 },
            "valueString": "[ var='A' labels={instance=db-1.example.com:9100} value=0.97 ]"
        }],
        "groupLabels": { "alertname": "Disk almost full" },
        "commonLabels": { "alertname": "Disk almost full", "severity": "critical" },
        "commonAnnotations": {},
        "externalURL": "https://grafana.example.com/",
        "version": "1",
        "groupKey": "{}:{alertname=\"Disk almost full\"}",
        "truncatedAlerts": 0,
        "title": "[FIRING:1] Disk almost full",
        "state": "alerting",
        "message": "One alert."
    })
}
