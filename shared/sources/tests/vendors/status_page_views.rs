//! Page views: Standard Webhooks, values below the threshold, and two other products.

use domain::alert::AlertStatus;
use http::HeaderMap;
use jiff::Timestamp;
use serde_json::{Value, json};
use sources::{Delivery, UnreadableReason, VerifyError};

use crate::support::{NOW, Sender};

const SENDER: Sender = Sender("status_page_views");

fn spike(state: &str, value: Value) -> Value {
    json!({"site": "s.example", "page": "/p", "metric": "page_views", "state": state, "value": value,
        "baseline": 180.5, "threshold": 1000, "window_minutes": 5, "rule": "r"})
}

#[test]
fn key_of_standard_webhooks_is_decoded_from_base64() {
    let source = sources::get("status_page_views").unwrap();
    let headers: HeaderMap = [
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1a,xx v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ]
    .into_iter()
    .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
    .collect::<HeaderMap>();
    let at = |seconds: i64, secret: &str| {
        let now = Timestamp::from_second(1_614_265_330 + seconds).unwrap();
        let delivery =
            Delivery { headers: &headers, path: "", query: None, body: br#"{"test": 2432232314}"#, now };
        source.verify(&delivery, &secret.into(), None).map(|_| ())
    };

    assert_eq!(at(299, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), Ok(()));
    assert_eq!(at(301, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), Err(VerifyError::Stale));
    assert_eq!(at(0, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), Err(VerifyError::Wrong));
}

#[test]
fn swetrix_signs_the_body_and_gosquared_sends_the_token() {
    let mut headers = HeaderMap::new();
    sources::get("github_issue").unwrap().sign(&mut headers, b"{}", &"secret".into(), NOW);
    let right = headers["x-hub-signature-256"].to_str().unwrap();

    assert_eq!(SENDER.outcome(&[("x-swetrix-signature", right)], None, b"{}"), Ok(()));
    assert_eq!(SENDER.outcome(&[("x-swetrix-signature", right)], None, b"{ }"), Err(VerifyError::Wrong));
    assert_eq!(SENDER.outcome(&[], Some("token=secret"), b"{}"), Ok(()));
    assert_eq!(
        SENDER.outcome(&[("webhook-signature", "v1,x")], Some("token=secret"), b"{}"),
        Err(VerifyError::Wrong)
    );
}

#[test]
fn only_a_spike_above_its_threshold_fires_and_only_normal_resolves() {
    let cases = [
        ("spike", json!(1234), Some(AlertStatus::Firing)),
        ("spike", json!(1000), Some(AlertStatus::Firing)),
        ("spike", json!(999), None),
        ("spike", Value::Null, Some(AlertStatus::Firing)),
        ("surge", json!(1), Some(AlertStatus::Firing)),
        ("", json!(1234), Some(AlertStatus::Firing)),
        ("drop", json!(1), None),
        ("normal", json!(1234), Some(AlertStatus::Resolved)),
        ("Normal", json!(1), Some(AlertStatus::Resolved)),
    ];
    for (state, value, expected) in cases {
        assert_eq!(SENDER.status(&spike(state, value.clone())), expected, "{state} {value}");
    }
}

#[test]
fn title_of_a_spike_has_its_numbers_and_its_key_has_its_place() {
    let found = SENDER.event(&spike("spike", json!(1234)));
    assert_eq!(found.title, "Spike of page views on s.example/p: 1234 in 5 min (usual 180.5)");
    assert_eq!(found.deduplication_key, "s.example|/p|page_views|r");

    let bare = SENDER.event(&json!({"site": "s.example", "state": "spike"}));
    assert_eq!(
        (&*bare.title, &*bare.deduplication_key),
        ("Spike of page views on s.example", "s.example||page_views|default")
    );
}

#[test]
fn verification_and_drops_of_other_products_are_ignored() {
    let swetrix = |kind: &str, condition: &str| json!({"type": kind, "context": {"alert_name": "A", "project_id": "p", "condition": condition}});
    let gosquared = |boundary: &str| {
        json!({"triggeredAlert": {"id": 1, "boundary": boundary, "value": "45"}, "siteDetails": {"acct": "G"},
            "snapshot": {"concurrents": {"visitors": 50}}})
    };

    assert_eq!(SENDER.status(&swetrix("verification", "")), None);
    assert_eq!(SENDER.status(&swetrix("alert", "less than")), None);
    assert_eq!(SENDER.event(&swetrix("alert", "greater than")).deduplication_key, "swetrix:p:A");
    assert_eq!(SENDER.status(&gosquared("lower")), None);
    let upper = SENDER.event(&gosquared("upper"));
    assert_eq!(
        (&*upper.deduplication_key, &*upper.title),
        ("gosquared:G:1", "GoSquared: 50 visitors (alert boundary upper 45)")
    );
}

#[test]
fn unknown_object_is_reported_and_not_refused() {
    for body in [json!({}), json!({"context": {}}), json!({"triggeredAlert": {}})] {
        assert!(
            matches!(
                SENDER.parse(&body).unreadable.unwrap().reason,
                UnreadableReason::UnexpectedShape { .. }
            ),
            "{body}"
        );
    }
}
