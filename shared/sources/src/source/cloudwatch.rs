//! The alert source for CloudWatch alarms, which come through SNS or through an EventBridge rule.
//!
//! SNS signs its messages, see `verify/sns.rs`. Every other delivery contains the source's secret.

use std::borrow::Cow;

use domain::alert::AlertStatus;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::AlertSource;
use crate::parsed::{Collector, ConfirmationRequest, Subscription, UnreadableReason};
use crate::parsed_alert::{self, ParseResult, ParsedAlert};
use crate::scope::{Variable, VariableType};
use crate::verify::sns::{Envelope, Purpose};
use crate::{ParseError, Parsed, Verified, field, json};

/// The `detail-type` of EventBridge events about alarms.
const CHANGE: &str = "CloudWatch Alarm State Change";

/// The variables of the payload that bindings can reference.
const SCOPE: &[Variable] = &[
    Variable::new("payload.AlarmName", "Alarm name", VariableType::Text),
    Variable::new("payload.AlarmDescription", "Alarm description", VariableType::Text),
    Variable::new("payload.AWSAccountId", "AWS account ID", VariableType::Text),
    Variable::new("payload.Region", "AWS region", VariableType::Text),
    Variable::new("payload.NewStateReason", "Reason for the state change", VariableType::Text),
    Variable::new("payload.Trigger", "Trigger", VariableType::Map),
    Variable::new("payload.Trigger.Namespace", "Metric namespace", VariableType::Text),
    Variable::new("payload.Trigger.MetricName", "Metric name", VariableType::Text),
];

/// The alert source for CloudWatch.
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
        "1. In Amazon SNS, create a *Standard* topic in the region of your alarms, or use an existing one.\n\
         2. Create a subscription of the topic with the *Protocol* HTTPS and the *Endpoint* `{url}?token={secret}`. \
         Leave *raw message delivery* off. Firebell confirms the subscription within a minute.\n\
         3. In CloudWatch, configure your alarms to send a notification to the topic *in alarm* and *OK*.\n\
         \n\
         This alert source accepts messages only from the first topic that was confirmed. From then on, Firebell \
         checks the signature of SNS, and the secret alone is not enough. Create another alert source for another \
         topic or another region. When you rotate the secret, the topic is forgotten once the previous secret is no \
         longer valid: subscribe the topic again.\n\
         \n\
         The state *ALARM* fires the alert and *OK* resolves it. *INSUFFICIENT_DATA* and messages that are not about \
         alarms change nothing. Alarms have no priority of their own: add a line such as `Priority: P1` to the \
         description of the alarm. If somebody deletes the subscription, this alert source shows it as its last error.\n\
         \n\
         Without SNS, use an EventBridge rule for *CloudWatch Alarm State Change* with an API destination. It needs \
         its own alert source. Set *Endpoint* to `{url}`, and use a connection with the header `Authorization` and the \
         value `Bearer {secret}`.\n"
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

    fn uses_sns(&self) -> bool {
        true
    }

    fn parse(&self, delivery: Verified<'_>) -> Result<Parsed, ParseError> {
        let body = delivery.delivery().body;
        let mut collector = Collector::default();
        if let Some(envelope) = Envelope::read(body) {
            let subscription = parse_envelope(&mut collector, &envelope);
            return Ok(Parsed { subscription, ..collector.finish() });
        }
        let text = json::text(body);
        let document = parsed_alert::object(&text)?;
        match records(document) {
            Some(records) => {
                let parsed = json::each(records, |record| parse_record(&mut collector, record));
                parsed.map_err(|error| ParseError::WrongShape { reason: error.to_string() })?;
            }
            None => parsed_alert::add(&mut collector, self.name(), document, alarm),
        }
        Ok(collector.finish())
    }
}

/// Parses the message in an envelope, and returns a change of the subscription.
fn parse_envelope(collector: &mut Collector, envelope: &Envelope<'_>) -> Option<Subscription> {
    let topic = || envelope.topic_arn.clone().into_owned();
    match envelope.purpose {
        Purpose::Notification => {
            parse_message(collector, &envelope.message);
            None
        }
        Purpose::SubscriptionConfirmation => {
            let url = envelope.confirmation_url()?.to_owned();
            Some(Subscription::ConfirmationRequested(ConfirmationRequest { topic: topic(), url }))
        }
        Purpose::UnsubscribeConfirmation => Some(Subscription::Ended { topic: topic() }),
    }
}

/// Parses a message. Messages that are not about alarms were published to the topic by somebody else, and are ignored.
fn parse_message(collector: &mut Collector, message: &str) {
    if let Ok(document) = parsed_alert::object(message) {
        parsed_alert::add(collector, "Amazon CloudWatch", document, |fields| {
            if is_about_alarm(fields) { alarm(fields) } else { Ok(None) }
        });
    }
}

/// The records of a Lambda event from SNS, for customers who forward such events.
fn records(document: &RawValue) -> Option<&RawValue> {
    let [records] = json::fields(document, ["Records"]).ok()?;
    records.filter(|records| records.get().starts_with('['))
}

/// Parses one record of a Lambda event.
fn parse_record(collector: &mut Collector, record: &RawValue) {
    let envelope =
        json::fields(record, ["Sns"]).ok().and_then(|[envelope]| Envelope::read(envelope?.get().as_bytes()));
    match envelope {
        Some(envelope) if envelope.purpose == Purpose::Notification => {
            parse_message(collector, &envelope.message);
        }
        Some(_) | None => {
            collector.unreadable(
                record,
                UnreadableReason::UnexpectedShape { expected: "a record of SNS with its `Sns`" },
            );
        }
    }
}

/// Whether an object is about an alarm.
fn is_about_alarm(fields: &Map<String, Value>) -> bool {
    fields.contains_key("AlarmName") || fields.get("detail-type").is_some_and(|kind| kind == CHANGE)
}

/// Parses the state change of an alarm, in the format of SNS or of EventBridge.
fn alarm(fields: &Map<String, Value>) -> ParseResult {
    if let Some(kind) = field::text(fields, "detail-type") {
        return if kind == CHANGE { event_bridge(fields) } else { Ok(None) };
    }
    let name = field::text(fields, "AlarmName");
    let name = name.ok_or(UnreadableReason::UnexpectedShape { expected: "an alarm with its `AlarmName`" })?;
    let arn = field::text(fields, "AlarmArn");
    let place = || {
        let parts = ["AWSAccountId", "Region"].iter().filter_map(|part| field::text(fields, part));
        parts.chain([name.clone()]).collect::<Vec<_>>().join("/")
    };
    Ok(Some(ParsedAlert {
        status: status(field::text(fields, "NewStateValue").as_deref()),
        key: arn.clone().unwrap_or_else(place),
        priority: priority(field::text(fields, "AlarmDescription").as_deref()),
        description: paragraphs([
            field::text(fields, "AlarmDescription"),
            field::text(fields, "NewStateReason"),
        ]),
        url: arn.as_deref().and_then(console),
        occurred_at: field::time(field::text(fields, "StateChangeTime")),
        title: Some(name),
    }))
}

/// Parses an EventBridge event.
fn event_bridge(fields: &Map<String, Value>) -> ParseResult {
    let name = field::first_text(fields, &["detail.alarmName"]);
    let name =
        name.ok_or(UnreadableReason::UnexpectedShape { expected: "an event with its `detail.alarmName`" })?;
    let arn = fields.get("resources").and_then(|arns| field::plain(arns.get(0)?));
    let place = || {
        let parts = ["account", "region"].iter().filter_map(|part| field::text(fields, part));
        parts.chain([name.clone()]).collect::<Vec<_>>().join("/")
    };
    let description = field::first_text(fields, &["detail.configuration.description"]);
    Ok(Some(ParsedAlert {
        status: status(field::first_text(fields, &["detail.state.value"]).as_deref()),
        key: arn.clone().unwrap_or_else(place),
        priority: priority(description.as_deref()),
        description: paragraphs([description, field::first_text(fields, &["detail.state.reason"])]),
        url: arn.as_deref().and_then(console),
        occurred_at: field::time(field::first_text(fields, &["detail.state.timestamp", "time"])),
        title: Some(name),
    }))
}

/// The status for a state of an alarm. `None` for `INSUFFICIENT_DATA`, which says nothing about the problem.
fn status(word: Option<&str>) -> Option<AlertStatus> {
    match word {
        Some("ALARM") => Some(AlertStatus::Firing),
        Some("OK") => Some(AlertStatus::Resolved),
        Some(_) | None => None,
    }
}

/// The priority from a line of the description, because alarms have no field for it.
fn priority(description: Option<&str>) -> Option<String> {
    description?.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_priority = matches!(&*name.trim().to_ascii_lowercase(), "priority" | "severity");
        (is_priority && !value.trim().is_empty()).then(|| value.trim().to_owned())
    })
}

/// Joins texts to paragraphs.
fn paragraphs(texts: [Option<String>; 2]) -> Option<String> {
    let text = texts.into_iter().flatten().collect::<Vec<_>>().join("\n\n");
    (!text.is_empty()).then_some(text)
}

/// The address of an alarm in the AWS console.
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

/// An example of an alarm, as it is in a message of SNS.
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
