//! The alert source for Grafana's alerting. Grafana sends an extension of Alertmanager's webhook. Versions up to 8 had
//! their own format.

use domain::alert::AlertStatus;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use super::{AlertSource, alertmanager};
use crate::parsed::UnreadableReason;
use crate::parsed_alert::{self, ParseResult, ParsedAlert};
use crate::scope::{Variable, VariableType};
use crate::verify::{self, HeaderContent, Signature, SignedHeader};
use crate::{Delivery, ParseError, Parsed, Verified, VerifyError, field, json};

/// The format of Grafana's signatures.
const SIGNATURE: Signature = Signature::hex("x-grafana-alerting-signature", "");

/// The format of Grafana's signatures if a header for the time is configured.
const SIGNATURE_WITH_TIME: Signature = Signature {
    signed_headers: &[SignedHeader { header: TIMESTAMP, content: HeaderContent::Seconds, separator: ":" }],
    ..SIGNATURE
};

/// The header for the time, which the instructions tell the customer to configure.
const TIMESTAMP: &str = "x-grafana-alerting-signature-timestamp";

/// The variables of the payload that bindings can reference.
const SCOPE: &[Variable] = &[
    Variable::new("payload.labels", "Labels", VariableType::Map),
    Variable::new("payload.labels.alertname", "Rule name", VariableType::Text),
    Variable::new("payload.labels.grafana_folder", "Rule folder", VariableType::Text),
    Variable::new("payload.labels.severity", "Severity", VariableType::Text),
    Variable::new("payload.annotations", "Annotations", VariableType::Map),
    Variable::new("payload.values", "Values", VariableType::Map),
    Variable::new("payload.startsAt", "Start time", VariableType::Time),
    Variable::new("payload.dashboardURL", "Link to the dashboard", VariableType::Url),
    Variable::new("payload.panelURL", "Link to the panel", VariableType::Url),
    Variable::new("payload.silenceURL", "Link to create a silence", VariableType::Url),
    Variable::new("payload.imageURL", "Image of the panel", VariableType::Url),
    Variable::new("payload.fingerprint", "Fingerprint", VariableType::Text),
];

/// The alert source for Grafana.
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
         2. Set *URL* to `{url}`. Under *Optional Webhook settings*, set *Authorization Header - Scheme* to `Bearer` \
         and *Authorization Header - Credentials* to `{secret}`. Leave *Disable resolved message* off, *Max Alerts* at \
         0 and *Custom Payload* empty.\n\
         3. Choose *Test*. The test creates an alert that pages, as an alert named `TestAlert` would. Save the contact \
         point, and use it in a notification policy.\n\
         \n\
         Newer versions of Grafana can also sign their requests: set *HMAC Signature* → *Secret* to `{secret}`, leave \
         *Header* unchanged, and set *Timestamp Header* to `X-Grafana-Alerting-Signature-Timestamp`, so that nobody \
         can replay a request. Signed requests need no authorization header.\n\
         \n\
         Each alert in a notification becomes one alert. Its title is the annotation `summary`; without it, the \
         annotation `title` or the label `alertname`. The priority is the label `severity`. Notifications of Grafana 8 \
         and earlier are supported with basic authentication: any user name, and the secret as the password.\n"
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
        // A signature with a time is not valid without it, so removing the header does not help an attacker.
        let signature =
            if delivery.headers.contains_key(TIMESTAMP) { &SIGNATURE_WITH_TIME } else { &SIGNATURE };
        if signature.is_on(delivery) {
            return signature.verify(delivery, secret, previous);
        }
        verify::token(delivery, secret, previous)
    }

    fn is_signed(&self, delivery: &Delivery<'_>) -> bool {
        SIGNATURE.is_on(delivery)
    }

    fn parse(&self, delivery: Verified<'_>) -> Result<Parsed, ParseError> {
        let text = json::text(delivery.delivery().body);
        let document = parsed_alert::object(&text)?;
        match json::fields(document, ["alerts"]) {
            Ok([Some(_)]) => alertmanager::group(document),
            _ => parsed_alert::single("Grafana", &text, rule),
        }
    }
}

/// Parses the format of Grafana up to version 8: the state of one rule.
fn rule(fields: &Map<String, Value>) -> ParseResult {
    let id = field::text(fields, "ruleId").map(|id| format!("ruleId={id}"));
    let name = field::text(fields, "ruleName");
    let key = id.or_else(|| Some(format!("ruleName={}", name.as_ref()?)));
    let status = match field::text(fields, "state").as_deref() {
        Some("ok") => Some(AlertStatus::Resolved),
        Some("paused" | "pending") => None,
        Some(_) | None => Some(AlertStatus::Firing),
    };
    Ok(Some(ParsedAlert {
        status,
        key: key.ok_or(UnreadableReason::UnexpectedShape {
            expected: "a notification with its `alerts`, or with a `ruleId`",
        })?,
        title: name.or_else(|| field::text(fields, "title")),
        description: field::text(fields, "message"),
        url: field::text(fields, "ruleUrl"),
        priority: field::first_text(fields, &["tags.severity", "tags.priority"]),
        occurred_at: None,
    }))
}

/// An example of a notification with one alert.
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
