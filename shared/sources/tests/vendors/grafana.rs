//! Grafana: two formats, and an optional signature.

use domain::alert::AlertStatus;
use http::{HeaderMap, HeaderValue};
use serde_json::json;
use sources::{UnreadableReason, VerifyError};

use crate::support::{NOW, Sender};

const SENDER: Sender = Sender("grafana");

const BODY: &[u8] = br#"{"ruleId":7,"state":"alerting"}"#;

/// The headers that Grafana adds to a body, signed with or without a time.
fn signature(signed_header: Option<i64>, body: &[u8]) -> String {
    // Sentry signs a body in the same way.
    let content =
        signed_header.map(|signed_header| format!("{signed_header}:").into_bytes()).unwrap_or_default();
    let mut headers = HeaderMap::new();
    let content = [&content, body].concat();
    sources::get("sentry").unwrap().sign(&mut headers, &content, &"secret".into(), NOW);
    headers["sentry-hook-signature"].to_str().unwrap().to_owned()
}

const SIGNATURE: &str = "x-grafana-alerting-signature";
const TIMESTAMP: &str = "x-grafana-alerting-signature-timestamp";

#[test]
fn signatures_over_the_body_and_over_time_and_body_are_accepted() {
    let now = NOW.as_second();
    let (bare, signed_prefix) = (signature(None, BODY), signature(Some(now), BODY));
    let time = now.to_string();

    assert_eq!(SENDER.outcome(&[(SIGNATURE, &bare)], None, BODY), Ok(()));
    assert_eq!(SENDER.outcome(&[(SIGNATURE, &signed_prefix), (TIMESTAMP, &time)], None, BODY), Ok(()));
    // Neither passes for the other.
    assert_eq!(SENDER.outcome(&[(SIGNATURE, &signed_prefix)], None, BODY), Err(VerifyError::Wrong));
    assert_eq!(
        SENDER.outcome(&[(SIGNATURE, &bare), (TIMESTAMP, &time)], None, BODY),
        Err(VerifyError::Wrong)
    );
    // A right token does not make up for a wrong signature.
    assert_eq!(
        SENDER.outcome(&[(SIGNATURE, "00"), ("authorization", "Bearer secret")], None, BODY),
        Err(VerifyError::Wrong)
    );
    let old = now - 301;
    let late = SENDER.outcome(
        &[(SIGNATURE, &signature(Some(old), BODY)), (TIMESTAMP, &old.to_string())],
        None,
        BODY,
    );
    assert_eq!(late, Err(VerifyError::Stale));
}

#[test]
fn each_flipped_bit_of_signature_and_time_is_refused() {
    let time = NOW.as_second().to_string();
    let signed_prefix = signature(Some(NOW.as_second()), BODY);
    for (which, text) in [(SIGNATURE, &signed_prefix), (TIMESTAMP, &time)] {
        for (index, bit) in (0..text.len()).flat_map(|index| (0..7).map(move |bit| (index, bit))) {
            let mut bytes = text.clone().into_bytes();
            bytes[index] ^= 1 << bit;
            let Ok(other) = String::from_utf8(bytes) else { continue };
            if HeaderValue::from_str(&other).is_err() {
                continue;
            }
            let headers: Vec<_> = [(SIGNATURE, &signed_prefix), (TIMESTAMP, &time)]
                .map(|(name, right)| (name, if name == which { &*other } else { &**right }))
                .to_vec();
            assert_eq!(SENDER.outcome(&headers, None, BODY), Err(VerifyError::Wrong), "{which} {other}");
        }
    }
}

#[test]
fn basic_authentication_and_bearer_token_need_no_signature() {
    assert_eq!(SENDER.outcome(&[("authorization", "Bearer secret")], None, BODY), Ok(()));
    assert_eq!(SENDER.outcome(&[("authorization", "Basic YW55OnNlY3JldA==")], None, BODY), Ok(()));
    assert_eq!(SENDER.outcome(&[], None, BODY), Err(VerifyError::Missing));
}

#[test]
fn states_of_the_old_format_fire_resolve_or_are_ignored() {
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
        assert_eq!(SENDER.status(&body), expected, "{state}");
    }
    let found =
        SENDER.event(&json!({"ruleId": 7, "title": "T", "ruleUrl": "/d/x", "tags": {"severity": "warning"}}));
    assert_eq!((&*found.deduplication_key, &*found.title), ("ruleId=7", "T"));
    assert_eq!((found.source_url, found.priority.as_deref()), (None, Some("warning")));
}

#[test]
fn each_alert_of_a_notification_is_one_alert_and_a_relative_link_is_dropped() {
    let alert = |status: &str, key: &str| json!({"status": status, "fingerprint": key, "labels": {"alertname": "A"}, "generatorURL": "?orgId=1"});
    let parsed = SENDER.parse(
        &json!({"status": "firing", "externalURL": "https://g.example/", "alerts": [alert("firing", "a"), alert("resolved", "b")]}),
    );

    let found: Vec<_> =
        parsed.events.iter().map(|event| (event.status.name(), &*event.deduplication_key)).collect();
    assert_eq!(found, [("firing", "a"), ("resolved", "b")]);
    assert!(parsed.events.iter().all(|event| event.source_url.as_deref() == Some("https://g.example/")));
}

#[test]
fn custom_payload_is_reported() {
    assert!(matches!(
        SENDER.parse(&json!({"text": "mine"})).unreadable.unwrap().reason,
        UnreadableReason::UnexpectedShape { .. }
    ));
}
