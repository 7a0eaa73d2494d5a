//! Opsgenie: actions, and numbers for times and priorities.

use domain::alert::AlertStatus;
use serde_json::{Value, json};
use sources::{UnreadableReason, VerifyError};

use crate::support::Sender;

const SENDER: Sender = Sender("opsgenie");

fn acted(action: &str) -> Value {
    json!({"action": action, "alert": {"alertId": "a", "message": "M", "alias": "k", "priority": 3,
        "createdAt": 1_502_709_956_288_u64, "updatedAt": 1_502_709_956_288_000_110_u64}})
}

#[test]
fn actions_fire_resolve_or_are_ignored() {
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
        assert_eq!(SENDER.status(&acted(action)), expected, "{action}");
    }
    assert_eq!(SENDER.status(&json!({"action": "Escalate", "alert": {"alertId": "a"}})), None);
}

#[test]
fn numbers_become_a_time_and_a_priority() {
    let found = SENDER.event(&acted("Create"));

    assert_eq!(found.occurred_at, Some("2017-08-14T11:25:56.288000110Z".parse().unwrap()));
    assert_eq!((found.priority.as_deref(), &*found.deduplication_key), (Some("P3"), "a"));

    let mut worded = acted("Create");
    worded["alert"]["priority"] = json!("P1");
    worded["alert"]["updatedAt"] = Value::Null;
    let found = SENDER.event(&worded);
    assert_eq!(found.priority.as_deref(), Some("P1"));
    assert_eq!(found.occurred_at, Some("2017-08-14T11:25:56.288Z".parse().unwrap()));
}

#[test]
fn secret_is_accepted_as_a_token() {
    assert_eq!(SENDER.outcome(&[("authorization", "Bearer secret")], None, b""), Ok(()));
    assert_eq!(SENDER.outcome(&[("authorization", "Bearer x")], None, b""), Err(VerifyError::Wrong));
}

#[test]
fn unknown_object_is_reported_and_not_refused() {
    for body in
        [json!({}), json!({"action": "Create"}), json!({"action": "Close", "alert": {"message": "M"}})]
    {
        assert!(
            matches!(
                SENDER.parse(&body).unreadable.unwrap().reason,
                UnreadableReason::UnexpectedShape { .. }
            ),
            "{body}"
        );
    }
}
