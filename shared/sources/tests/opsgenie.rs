//! What is peculiar to Opsgenie: its actions, and its numbers for times and priorities.

#![expect(clippy::unwrap_used, reason = "what prepares a test may fail it")]

use domain::alert::{AlertEvent, AlertStatus};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use serde_json::{Value, json};
use sources::{Delivery, Parsed, Reason, VerifyError};

/// When deliveries come.
const NOW: Timestamp = Timestamp::constant(1_795_435_200, 0);

fn parse(body: &Value) -> Parsed {
    let source = sources::get("opsgenie").unwrap();
    let body = body.to_string();
    let mut headers = HeaderMap::new();
    source.sign(&mut headers, body.as_bytes(), &"secret".into(), NOW);
    let delivery = Delivery { headers: &headers, path: "", query: None, body: body.as_bytes(), now: NOW };
    source.parse(source.verify(&delivery, &"secret".into(), None).unwrap(), "spare").unwrap()
}

fn event(body: &Value) -> AlertEvent {
    let mut parsed = parse(body);
    assert_eq!((parsed.events.len(), &parsed.unreadable), (1, &None), "{body}");
    parsed.events.remove(0)
}

fn status(body: &Value) -> Option<AlertStatus> {
    let parsed = parse(body);
    assert_eq!(parsed.unreadable, None, "{body}");
    parsed.events.first().map(|event| event.status)
}

/// What comes of verifying a delivery with these headers.
fn outcome(headers: &[(&str, &str)], query: Option<&str>, body: &[u8]) -> Result<(), VerifyError> {
    let pairs = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let headers: HeaderMap =
        pairs.map(|(name, value): (http::HeaderName, HeaderValue)| (name, value)).collect();
    let delivery = Delivery { headers: &headers, path: "", query, body, now: NOW };
    sources::get("opsgenie").unwrap().verify(&delivery, &"secret".into(), None).map(|_| ())
}

fn acted(action: &str) -> Value {
    json!({"action": action, "alert": {"alertId": "a", "message": "M", "alias": "k", "priority": 3,
        "createdAt": 1_502_709_956_288_u64, "updatedAt": 1_502_709_956_288_000_110_u64}})
}

#[test]
fn actions_begin_an_alert_end_it_or_are_passed_over() {
    let cases = [
        ("Create", Some(AlertStatus::Firing)),
        ("Close", Some(AlertStatus::Resolved)),
        ("Delete", Some(AlertStatus::Resolved)),
        ("Acknowledge", None),
        ("UnAcknowledge", None),
        ("AddNote", None),
        ("Escalate", None),
        ("A button of ours", None),
    ];
    for (action, expected) in cases {
        assert_eq!(status(&acted(action)), expected, "{action}");
    }
    assert_eq!(status(&json!({"action": "Escalate", "alert": {"alertId": "a"}})), None);
}

#[test]
fn numbers_become_a_time_and_a_priority() {
    let found = event(&acted("Create"));

    assert_eq!(found.occurred_at, Some("2017-08-14T11:25:56.288000110Z".parse().unwrap()));
    assert_eq!((found.priority.as_deref(), &*found.deduplication_key), (Some("P3"), "a"));

    let mut worded = acted("Create");
    worded["alert"]["priority"] = json!("P1");
    worded["alert"]["updatedAt"] = Value::Null;
    let found = event(&worded);
    assert_eq!(found.priority.as_deref(), Some("P1"));
    assert_eq!(found.occurred_at, Some("2017-08-14T11:25:56.288Z".parse().unwrap()));
}

#[test]
fn secret_is_named_as_a_token() {
    assert_eq!(outcome(&[("authorization", "Bearer secret")], None, b""), Ok(()));
    assert_eq!(outcome(&[("authorization", "Bearer x")], None, b""), Err(VerifyError::Wrong));
}

#[test]
fn what_is_not_understood_is_told_of_and_not_refused() {
    for body in
        [json!({}), json!({"action": "Create"}), json!({"action": "Close", "alert": {"message": "M"}})]
    {
        assert!(matches!(parse(&body).unreadable.unwrap().reason, Reason::Shapeless { .. }), "{body}");
    }
}
