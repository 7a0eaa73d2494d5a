//! What is peculiar to Grafana: two shapes, and a signature that a customer may ask for.

#![expect(clippy::unwrap_used, reason = "what prepares a test may fail it")]

use domain::alert::{AlertEvent, AlertStatus};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use serde_json::{Value, json};
use sources::{Delivery, Parsed, Reason, VerifyError};

/// When deliveries come.
const NOW: Timestamp = Timestamp::constant(1_795_435_200, 0);

fn parse(body: &Value) -> Parsed {
    let source = sources::get("grafana").unwrap();
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
    sources::get("grafana").unwrap().verify(&delivery, &"secret".into(), None).map(|_| ())
}

const BODY: &[u8] = br#"{"ruleId":7,"state":"alerting"}"#;

/// What Grafana would put on a body, signed with a time or without.
fn signature(stamp: Option<i64>, body: &[u8]) -> String {
    // Sentry signs a body in the same way.
    let content = stamp.map(|stamp| format!("{stamp}:").into_bytes()).unwrap_or_default();
    let mut headers = HeaderMap::new();
    let content = [&content, body].concat();
    sources::get("sentry").unwrap().sign(&mut headers, &content, &"secret".into(), NOW);
    headers["sentry-hook-signature"].to_str().unwrap().to_owned()
}

const SIGNATURE: &str = "x-grafana-alerting-signature";
const TIMESTAMP: &str = "x-grafana-alerting-signature-timestamp";

#[test]
fn signature_over_the_body_or_over_time_and_body_opens_the_door() {
    let now = NOW.as_second();
    let (bare, stamped) = (signature(None, BODY), signature(Some(now), BODY));
    let time = now.to_string();

    assert_eq!(outcome(&[(SIGNATURE, &bare)], None, BODY), Ok(()));
    assert_eq!(outcome(&[(SIGNATURE, &stamped), (TIMESTAMP, &time)], None, BODY), Ok(()));
    // Neither passes for the other.
    assert_eq!(outcome(&[(SIGNATURE, &stamped)], None, BODY), Err(VerifyError::Wrong));
    assert_eq!(outcome(&[(SIGNATURE, &bare), (TIMESTAMP, &time)], None, BODY), Err(VerifyError::Wrong));
    // A right token does not make up for a wrong signature.
    assert_eq!(
        outcome(&[(SIGNATURE, "00"), ("authorization", "Bearer secret")], None, BODY),
        Err(VerifyError::Wrong)
    );
    let old = now - 301;
    let late =
        outcome(&[(SIGNATURE, &signature(Some(old), BODY)), (TIMESTAMP, &old.to_string())], None, BODY);
    assert_eq!(late, Err(VerifyError::Stale));
}

#[test]
fn each_flipped_bit_of_signature_and_time_is_refused() {
    let time = NOW.as_second().to_string();
    let stamped = signature(Some(NOW.as_second()), BODY);
    for (which, text) in [(SIGNATURE, &stamped), (TIMESTAMP, &time)] {
        for (index, bit) in (0..text.len()).flat_map(|index| (0..7).map(move |bit| (index, bit))) {
            let mut bytes = text.clone().into_bytes();
            bytes[index] ^= 1 << bit;
            let Ok(other) = String::from_utf8(bytes) else { continue };
            if HeaderValue::from_str(&other).is_err() {
                continue;
            }
            let headers: Vec<_> = [(SIGNATURE, &stamped), (TIMESTAMP, &time)]
                .map(|(name, right)| (name, if name == which { &*other } else { &**right }))
                .to_vec();
            assert_eq!(outcome(&headers, None, BODY), Err(VerifyError::Wrong), "{which} {other}");
        }
    }
}

#[test]
fn basic_authentication_and_bearer_do_without_a_signature() {
    assert_eq!(outcome(&[("authorization", "Bearer secret")], None, BODY), Ok(()));
    assert_eq!(outcome(&[("authorization", "Basic YW55OnNlY3JldA==")], None, BODY), Ok(()));
    assert_eq!(outcome(&[], None, BODY), Err(VerifyError::Missing));
}

#[test]
fn states_of_the_elder_shape_begin_a_rule_end_it_or_are_passed_over() {
    let cases = [
        ("alerting", Some(AlertStatus::Firing)),
        ("no_data", Some(AlertStatus::Firing)),
        ("something new", Some(AlertStatus::Firing)),
        ("ok", Some(AlertStatus::Resolved)),
        ("pending", None),
        ("paused", None),
    ];
    for (state, expected) in cases {
        let body = json!({"ruleId": 7, "ruleName": "R", "title": "[Alerting] R", "state": state});
        assert_eq!(status(&body), expected, "{state}");
    }
    let found =
        event(&json!({"ruleId": 7, "title": "T", "ruleUrl": "/d/x", "tags": {"severity": "warning"}}));
    assert_eq!((&*found.deduplication_key, &*found.title), ("ruleId=7", "T"));
    assert_eq!((found.source_url, found.priority.as_deref()), (None, Some("warning")));
}

#[test]
fn each_alert_of_a_notification_is_one_and_a_relative_link_is_dropped() {
    let alert = |status: &str, key: &str| json!({"status": status, "fingerprint": key, "labels": {"alertname": "A"}, "generatorURL": "?orgId=1"});
    let parsed = parse(
        &json!({"status": "firing", "externalURL": "https://g.example/", "alerts": [alert("firing", "a"), alert("resolved", "b")]}),
    );

    let found: Vec<_> =
        parsed.events.iter().map(|event| (event.status.name(), &*event.deduplication_key)).collect();
    assert_eq!(found, [("firing", "a"), ("resolved", "b")]);
    assert!(parsed.events.iter().all(|event| event.source_url.as_deref() == Some("https://g.example/")));
}

#[test]
fn payload_of_a_customer_is_told_of() {
    assert!(matches!(parse(&json!({"text": "mine"})).unreadable.unwrap().reason, Reason::Shapeless { .. }));
}
