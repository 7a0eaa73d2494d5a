//! CloudWatch: envelopes of SNS, events of EventBridge, and a message within a message.

use domain::alert::AlertStatus;
use serde_json::{Value, json};
use sources::{ConfirmationRequest, Subscription, UnreadableReason};

use crate::support::Sender;

const SENDER: Sender = Sender("cloudwatch");
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:alarms";

fn enveloped(message: &str) -> Value {
    json!({"Type": "Notification", "MessageId": "1", "TopicArn": TOPIC, "Message": message,
        "Timestamp": "2026-03-02T04:11:30.789Z", "SignatureVersion": "1", "Signature": "x"})
}

fn alarm(state: &str) -> Value {
    json!({"AlarmName": "db-1 CPU", "NewStateValue": state, "NewStateReason": "Threshold Crossed",
        "AlarmArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:db-1 CPU: 90%", "Region": "EU (Ireland)",
        "StateChangeTime": "2026-03-02T04:11:30.789+0000"})
}

fn changed(state: &str) -> Value {
    json!({"detail-type": "CloudWatch Alarm State Change", "account": "123456789012", "region": "eu-west-1",
        "time": "2026-03-02T04:11:31Z", "resources": ["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:db-1 CPU: 90%"],
        "detail": {"alarmName": "db-1 CPU", "state": {"value": state, "reason": "Threshold Crossed",
            "timestamp": "2026-03-02T04:11:30.789+0000"}, "configuration": {"description": "severity: sev-1"}}})
}

#[test]
fn states_fire_resolve_or_change_nothing_in_every_format() {
    let cases = [
        ("ALARM", Some(AlertStatus::Firing)),
        ("OK", Some(AlertStatus::Resolved)),
        ("INSUFFICIENT_DATA", None),
        ("UNKNOWN", None),
    ];
    for (state, expected) in cases {
        let bare = alarm(state);
        let record = json!({"Records": [{"EventSource": "aws:sns", "Sns": enveloped(&bare.to_string())}]});
        for body in [enveloped(&bare.to_string()), bare, record, changed(state)] {
            assert_eq!(SENDER.status(&body), expected, "{body}");
        }
    }
}

#[test]
fn alarm_is_the_same_through_sns_and_through_eventbridge() {
    let (through_sns, through_rule) =
        (SENDER.event(&enveloped(&alarm("ALARM").to_string())), SENDER.event(&changed("OK")));

    assert_eq!(through_sns.deduplication_key, through_rule.deduplication_key);
    assert_eq!(through_sns.occurred_at, Some("2026-03-02T04:11:30.789Z".parse().unwrap()));
    assert_eq!(through_sns.occurred_at, through_rule.occurred_at);
    assert_eq!(
        through_sns.source_url.as_deref(),
        Some(
            "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#alarmsV2:alarm/db%2D1%20CPU%3A%2090%25"
        )
    );
    assert_eq!((&*through_sns.title, through_sns.priority), ("db-1 CPU", None));
    assert_eq!(through_rule.priority.as_deref(), Some("sev-1"));
    assert!(through_sns.payload.get().starts_with("{\"AlarmArn\""), "the payload is the alarm itself");
}

#[test]
fn alarm_without_an_arn_is_identified_by_account_region_and_name() {
    let mut bare = alarm("ALARM");
    bare.as_object_mut().unwrap().remove("AlarmArn");
    bare["AWSAccountId"] = json!("1");

    let event = SENDER.event(&enveloped(&bare.to_string()));

    assert_eq!((&*event.deduplication_key, event.source_url), ("1/EU (Ireland)/db-1 CPU", None));
}

#[test]
fn messages_of_others_in_the_topic_are_ignored() {
    for message in ["Hello world!", "", "17", "[1]", "{\"Event\":\"autoscaling:TEST_NOTIFICATION\"}", "{"] {
        assert_eq!(SENDER.status(&enveloped(message)), None, "{message}");
    }
    assert_eq!(SENDER.status(&json!({"detail-type": "Scheduled Event", "detail": {}})), None);
}

#[test]
fn delivery_without_an_envelope_that_is_not_an_alarm_is_reported() {
    for body in [json!({"hello": "world"}), json!({"Records": [{"body": "x"}]})] {
        let reason = SENDER.parse(&body).unreadable.unwrap().reason;

        assert!(matches!(reason, UnreadableReason::UnexpectedShape { .. }), "{body}");
    }
}

#[test]
fn start_and_end_of_a_subscription_create_no_alert() {
    let url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=7";
    let mut body = enveloped("You have chosen to subscribe");
    (body["Type"], body["SubscribeURL"], body["Token"]) =
        (json!("SubscriptionConfirmation"), json!(url), json!("7"));

    let parsed = SENDER.parse(&body);

    let asked = ConfirmationRequest { topic: TOPIC.to_owned(), url: url.to_owned() };
    assert!(!format!("{asked:?}").contains("Token"));
    assert_eq!(
        (parsed.events.len(), parsed.subscription),
        (0, Some(Subscription::ConfirmationRequested(asked)))
    );
    body["Type"] = json!("UnsubscribeConfirmation");
    assert_eq!(SENDER.parse(&body).subscription, Some(Subscription::Ended { topic: TOPIC.to_owned() }));
    (body["Type"], body["SubscribeURL"]) =
        (json!("SubscriptionConfirmation"), json!("https://evil.example/"));
    assert_eq!(SENDER.parse(&body).subscription, None);
}
