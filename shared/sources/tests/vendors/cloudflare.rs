//! Cloudflare: a secret in its own header, the test of a webhook, and several ways to resolve.

use domain::alert::AlertStatus;
use serde_json::{Value, json};
use sources::{UnreadableReason, VerifyError};

use crate::support::Sender;

const SENDER: Sender = Sender("cloudflare");

fn notification(event: Value, data: Value) -> Value {
    json!({"name": "N", "text": "T", "policy_id": "p", "alert_type": "t", "alert_event": event, "data": data, "ts": 1_772_424_690})
}

#[test]
fn secret_is_accepted_in_the_header_of_cloudflare_and_in_the_usual_places() {
    assert_eq!(SENDER.outcome(&[("cf-webhook-auth", "secret")], None, b""), Ok(()));
    assert_eq!(SENDER.outcome(&[("cf-webhook-auth", "secret2")], None, b""), Err(VerifyError::Wrong));
    assert_eq!(
        SENDER.outcome(&[("cf-webhook-auth", "x")], Some("token=secret"), b""),
        Err(VerifyError::Wrong)
    );
    assert_eq!(SENDER.outcome(&[("cf-webhook-auth", "")], None, b""), Err(VerifyError::Missing));
    assert_eq!(SENDER.outcome(&[], Some("token=secret"), b""), Ok(()));
}

#[test]
fn test_of_a_webhook_creates_no_alert() {
    let test = json!({"text": "Hello World! This is a test message sent from https://cloudflare.com. If you can see this, your webhook is configured properly."});
    assert_eq!(SENDER.status(&test), None);

    let mut alert = notification(Value::Null, json!({}));
    alert["text"] = test["text"].clone();
    assert_eq!(SENDER.status(&alert), Some(AlertStatus::Firing));
}

#[test]
fn alert_resolves_by_its_end_event_or_by_a_healthy_state() {
    let (firing, resolved) = (AlertStatus::Firing, AlertStatus::Resolved);
    let (start, end) = (json!("ALERT_STATE_EVENT_START"), json!("ALERT_STATE_EVENT_END"));
    let cases = [
        (&start, json!({}), firing),
        (&end, json!({}), resolved),
        (&start, json!({"new_health_status": "Healthy"}), firing),
        (&end, json!({"status": "Unhealthy"}), resolved),
        (&Value::Null, json!({}), firing),
        (&Value::Null, json!({"incident_status": "INCIDENT_STATUS_RESOLVED"}), resolved),
        (&Value::Null, json!({"incident_status": "INCIDENT_STATUS_MONITORING"}), firing),
        (&Value::Null, json!({"incident_status": "UNRESOLVED"}), firing),
        (&Value::Null, json!({"new_health_status": "Healthy"}), resolved),
        (&Value::Null, json!({"new_health_status": "Unhealthy"}), firing),
        (&Value::Null, json!({"status": "Healthy"}), resolved),
        (&json!("TUNNEL_STATUS_CHANGED"), json!({"new_status": "TUNNEL_STATUS_TYPE_HEALTHY"}), resolved),
        (&json!("TUNNEL_STATUS_CHANGED"), json!({"new_status": "TUNNEL_STATUS_TYPE_DOWN"}), firing),
        (&json!("SOMETHING_NEW"), json!({"status": "fine"}), firing),
    ];
    for (event, data, expected) in cases {
        assert_eq!(
            SENDER.status(&notification(event.clone(), data.clone())),
            Some(expected),
            "{event} {data}"
        );
    }
}

#[test]
fn key_is_cloudflares_own_or_the_policy_and_its_object() {
    let mut own = notification(Value::Null, json!({"tunnel_id": "x"}));
    own["alert_correlation_id"] = json!("c");
    assert_eq!(SENDER.event(&own).deduplication_key, "c");
    assert_eq!(
        SENDER
            .event(&notification(Value::Null, json!({"tunnel_id": "x", "zone_name": "z"})))
            .deduplication_key,
        "p:t:x"
    );
    let zones = json!({"unreachable_zones": [{"zone_name": "z", "host": ""}]});
    assert_eq!(SENDER.event(&notification(Value::Null, zones)).deduplication_key, "p:t:z");
    assert_eq!(SENDER.event(&json!({"name": "N", "text": "T"})).deduplication_key, "N");
    assert!(SENDER.event(&json!({"text": "T"})).deduplication_key.starts_with("content:"));
}

#[test]
fn notification_without_content_is_reported() {
    assert!(matches!(
        SENDER.parse(&json!({"ts": 1})).unreadable.unwrap().reason,
        UnreadableReason::UnexpectedShape { .. }
    ));
}
