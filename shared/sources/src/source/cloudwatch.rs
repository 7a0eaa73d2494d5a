//! CloudWatch's alarms, through SNS or through a rule of EventBridge.
//!
//! SNS signs for its topic: `verify/sns.rs`. Whatever else arrives names the source's secret.

use std::borrow::Cow;

use domain::alert::AlertStatus;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::{Asked, Collector, Reason, Subscription};
use crate::scope::{Variable, VariableType};
use crate::told::{self, Reading, Told};
use crate::verify::sns::{Envelope, Purpose};
use crate::{ParseError, Parsed, Verified, field, json};

/// What EventBridge calls the change of an alarm.
const CHANGE: &str = "CloudWatch Alarm State Change";

/// Where a binding finds what an alarm says through SNS.
const SCOPE: &[Variable] = &[
    Variable::new("payload.AlarmName", "Name of the alarm", VariableType::Text),
    Variable::new("payload.AlarmDescription", "Description of the alarm", VariableType::Text),
    Variable::new("payload.AWSAccountId", "Account", VariableType::Text),
    Variable::new("payload.Region", "Name of the region", VariableType::Text),
    Variable::new("payload.NewStateReason", "Why the state changed", VariableType::Text),
    Variable::new("payload.Trigger", "What the alarm watches", VariableType::Map),
    Variable::new("payload.Trigger.Namespace", "Namespace of the metric", VariableType::Text),
    Variable::new("payload.Trigger.MetricName", "Name of the metric", VariableType::Text),
];

/// CloudWatch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cloudwatch;

impl AlertSource for Cloudwatch {
    fn kind(&self) -> &'static str {
        "cloudwatch"
    }

    fn name(&self) -> &'static str {
        "Amazon CloudWatch"
    }

    fn docs(&self) -> &'static str {
        "1. In Amazon SNS, create a *Standard* topic in the region of your alarms, or take one that is there.\n\
         2. Create a subscription of it: *Protocol* HTTPS, *Endpoint* `{url}?token={secret}`, *raw message delivery* \
         off. It is confirmed by itself, within a minute.\n\
         3. In CloudWatch, let your alarms send a notification to the topic *in alarm* and *OK*.\n\
         \n\
         The first topic that is confirmed is the only one that this source takes anything from: from then on the \
         signature of SNS counts, and the secret alone no more. Another topic, or another region, needs a source of \
         its own. Once the secret is another, and the one before holds no \
         more, the topic is forgotten: subscribe it anew.\n\
         \n\
         *ALARM* fires and *OK* ends; *INSUFFICIENT_DATA*, and what is no alarm, change nothing. An alarm has no \
         priority of its own: a line `Priority: P1` in its description is taken for it. If somebody removes \
         the subscription, this source says so.\n\
         \n\
         Without SNS, a source of its own takes what a rule of EventBridge for *CloudWatch Alarm State Change* sends \
         to an API destination: *Endpoint* `{url}`, a connection with the header `Authorization` and the value \
         `Bearer {secret}`.\n"
    }

    fn example(&self) -> Value {
        example("ALARM", "OK", "2026-03-02T04:11:30.789+0000")
    }

    fn example_resolved(&self) -> Value {
        example("OK", "ALARM", "2026-03-02T04:41:30.123+0000")
    }

    fn payload_scope(&self) -> &'static [Variable] {
        SCOPE
    }

    fn is_behind_sns(&self) -> bool {
        true
    }

    fn parse(&self, delivery: Verified<'_>, _spare_key: &str) -> Result<Parsed, ParseError> {
        let body = delivery.delivery().body;
        let mut collector = Collector::default();
        if let Some(envelope) = Envelope::read(body) {
            let subscription = enveloped(&mut collector, &envelope);
            return Ok(Parsed { subscription, ..collector.finish() });
        }
        let text = json::text(body);
        let document = told::object(&text)?;
        match records(document) {
            Some(records) => {
                let read = json::each(records, |record| recorded(&mut collector, record));
                read.map_err(|error| ParseError::WrongShape { reason: error.to_string() })?;
            }
            None => told::add(&mut collector, self.name(), document, alarm),
        }
        Ok(collector.finish())
    }
}

/// Reads what an envelope holds; what it says of its subscription.
fn enveloped(collector: &mut Collector, envelope: &Envelope<'_>) -> Option<Subscription> {
    let topic = || envelope.topic_arn.clone().into_owned();
    match envelope.purpose {
        Purpose::Notification => {
            message(collector, &envelope.message);
            None
        }
        Purpose::SubscriptionConfirmation => {
            let url = envelope.confirmation_url()?.to_owned();
            Some(Subscription::Asked(Asked { topic: topic(), url }))
        }
        Purpose::UnsubscribeConfirmation => Some(Subscription::Ended { topic: topic() }),
    }
}

/// Reads a message: an alarm, or whatever somebody else has published to the topic, which is nothing of ours.
fn message(collector: &mut Collector, message: &str) {
    if let Ok(document) = told::object(message) {
        told::add(collector, "Amazon CloudWatch", document, |fields| {
            if of_alarm(fields) { alarm(fields) } else { Ok(None) }
        });
    }
}

/// The records of what Lambda is given by SNS: some forward it as it is.
fn records(document: &RawValue) -> Option<&RawValue> {
    let [records] = json::fields(document, ["Records"]).ok()?;
    records.filter(|records| records.get().starts_with('['))
}

/// Reads one record.
fn recorded(collector: &mut Collector, record: &RawValue) {
    let envelope =
        json::fields(record, ["Sns"]).ok().and_then(|[envelope]| Envelope::read(envelope?.get().as_bytes()));
    match envelope {
        Some(envelope) if envelope.purpose == Purpose::Notification => message(collector, &envelope.message),
        Some(_) | None => {
            collector.unreadable(record, Reason::Shapeless { expected: "a record of SNS with its `Sns`" });
        }
    }
}

/// Whether an object is about an alarm at all.
fn of_alarm(fields: &Map<String, Value>) -> bool {
    fields.contains_key("AlarmName") || fields.get("detail-type").is_some_and(|kind| kind == CHANGE)
}

/// Reads the change of an alarm, as SNS or as EventBridge has it.
fn alarm(fields: &Map<String, Value>) -> Reading {
    if let Some(kind) = field::of(fields, "detail-type") {
        return if kind == CHANGE { changed(fields) } else { Ok(None) };
    }
    let name = field::of(fields, "AlarmName");
    let name = name.ok_or(Reason::Shapeless { expected: "an alarm with its `AlarmName`" })?;
    let arn = field::of(fields, "AlarmArn");
    let place = || {
        let parts = ["AWSAccountId", "Region"].iter().filter_map(|part| field::of(fields, part));
        parts.chain([name.clone()]).collect::<Vec<_>>().join("/")
    };
    Ok(Some(Told {
        status: status(field::of(fields, "NewStateValue").as_deref()),
        key: arn.clone().unwrap_or_else(place),
        priority: priority(field::of(fields, "AlarmDescription").as_deref()),
        description: paragraphs([field::of(fields, "AlarmDescription"), field::of(fields, "NewStateReason")]),
        url: arn.as_deref().and_then(console),
        occurred_at: field::time(field::of(fields, "StateChangeTime")),
        title: Some(name),
    }))
}

/// Reads an event of EventBridge.
fn changed(fields: &Map<String, Value>) -> Reading {
    let name = field::find(fields, &["detail.alarmName"]);
    let name = name.ok_or(Reason::Shapeless { expected: "an event with its `detail.alarmName`" })?;
    let arn = fields.get("resources").and_then(|arns| field::plain(arns.get(0)?));
    let place = || {
        let parts = ["account", "region"].iter().filter_map(|part| field::of(fields, part));
        parts.chain([name.clone()]).collect::<Vec<_>>().join("/")
    };
    let description = field::find(fields, &["detail.configuration.description"]);
    Ok(Some(Told {
        status: status(field::find(fields, &["detail.state.value"]).as_deref()),
        key: arn.clone().unwrap_or_else(place),
        priority: priority(description.as_deref()),
        description: paragraphs([description, field::find(fields, &["detail.state.reason"])]),
        url: arn.as_deref().and_then(console),
        occurred_at: field::time(field::find(fields, &["detail.state.timestamp", "time"])),
        title: Some(name),
    }))
}

/// What a state means. An alarm that misses data says nothing of what it watches.
fn status(word: Option<&str>) -> Option<AlertStatus> {
    match word {
        Some("ALARM") => Some(AlertStatus::Firing),
        Some("OK") => Some(AlertStatus::Resolved),
        Some(_) | None => None,
    }
}

/// How bad it is: alarms have no place for it, so that a line of their description says it.
fn priority(description: Option<&str>) -> Option<String> {
    description?.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let said = matches!(&*name.trim().to_ascii_lowercase(), "priority" | "severity");
        (said && !value.trim().is_empty()).then(|| value.trim().to_owned())
    })
}

/// What there is to say, one below the other.
fn paragraphs(texts: [Option<String>; 2]) -> Option<String> {
    let text = texts.into_iter().flatten().collect::<Vec<_>>().join("\n\n");
    (!text.is_empty()).then_some(text)
}

/// Where an alarm is shown.
fn console(arn: &str) -> Option<String> {
    let mut parts = arn.splitn(7, ':');
    let (_, partition, service, region) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let (_account, kind, name) = (parts.next()?, parts.next()?, parts.next()?);
    let plain = region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if service != "cloudwatch" || kind != "alarm" || region.is_empty() || !plain {
        return None;
    }
    let host: Cow<'_, str> = match partition {
        "aws" => format!("{region}.console.aws.amazon.com").into(),
        "aws-cn" => "console.amazonaws.cn".into(),
        "aws-us-gov" => "console.amazonaws-us-gov.com".into(),
        _ => return None,
    };
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
    Some(format!("https://{host}/cloudwatch/home?region={region}#alarmsV2:alarm/{name}"))
}

/// An alarm, as it is in a message of SNS.
fn example(state: &str, before: &str, at: &str) -> Value {
    json!({
        "AlarmName": "db-1 CPU",
        "AlarmDescription": "The database is busy: see its runbook.\nPriority: P2",
        "AWSAccountId": "123456789012",
        "AlarmConfigurationUpdatedTimestamp": "2026-01-12T09:00:00.000+0000",
        "NewStateValue": state,
        "NewStateReason": "Threshold Crossed: 1 datapoint was compared with the threshold (90.0).",
        "StateChangeTime": at,
        "Region": "EU (Ireland)",
        "AlarmArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:db-1 CPU",
        "OldStateValue": before,
        "OKActions": [],
        "Trigger": {
            "MetricName": "CPUUtilization",
            "Namespace": "AWS/RDS",
            "Statistic": "AVERAGE",
            "Dimensions": [{"name": "DBInstanceIdentifier", "value": "db-1"}],
            "Period": 60,
            "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 90.0
        }
    })
}
