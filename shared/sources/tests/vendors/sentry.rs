//! Sentry: one alert for each issue, and ignored deliveries.

use domain::alert::{AlertEvent, AlertStatus};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use sources::{Delivery, Parsed, UnreadableReason, VerifyError};

use crate::support::NOW;

/// Parses a delivery about a resource.
fn parse_as(resource: &'static str, body: &Value) -> Parsed {
    let source = sources::get("sentry").unwrap();
    let body = body.to_string();
    let mut headers = HeaderMap::new();
    headers.insert("sentry-hook-resource", HeaderValue::from_static(resource));
    source.sign(&mut headers, body.as_bytes(), &"client secret".into(), NOW);
    let delivery = Delivery { headers: &headers, path: "", query: None, body: body.as_bytes(), now: NOW };
    let verified = source.verify(&delivery, &"client secret".into(), None).unwrap();
    source.parse(verified).unwrap()
}

fn event(body: &Value) -> AlertEvent {
    let mut parsed = parse_as("", body);
    assert_eq!((parsed.events.len(), &parsed.unreadable), (1, &None), "{body}");
    parsed.events.remove(0)
}

fn issue(action: &str, status: &str) -> Value {
    json!({"action": action, "data": {"issue": {
        "id": "17", "title": "T", "culprit": "C", "level": "fatal", "status": status, "permalink": null,
        "web_url": "https://x.sentry.io/issues/17/",
    }}})
}

fn metric_alert(action: &str) -> Value {
    json!({"action": action, "data": {
        "description_title": "Critical: Too many errors", "description_text": "1,000 events", "web_url": "https://x.sentry.io/alerts/1/",
        "metric_alert": {"id": "4", "title": "Sacred Marmot", "alert_rule": {"id": "7", "name": "Too many errors"}},
    }})
}

#[test]
fn actions_of_an_issue_fire_resolve_or_are_ignored() {
    let cases = [
        ("created", "unresolved", Some(AlertStatus::Firing)),
        ("unresolved", "unresolved", Some(AlertStatus::Firing)),
        ("resolved", "resolved", Some(AlertStatus::Resolved)),
        ("archived", "ignored", Some(AlertStatus::Resolved)),
        ("ignored", "ignored", Some(AlertStatus::Resolved)),
        ("triggered", "unresolved", Some(AlertStatus::Firing)),
        ("triggered", "resolved", Some(AlertStatus::Resolved)),
        ("something new", "unresolved", Some(AlertStatus::Firing)),
        ("", "", Some(AlertStatus::Firing)),
        ("assigned", "unresolved", None),
    ];
    for (action, status, expected) in cases {
        let parsed = parse_as("issue", &issue(action, status));

        assert_eq!(parsed.events.first().map(|event| event.status), expected, "{action} {status}");
        assert_eq!(parsed.unreadable, None, "{action}");
    }
}

#[test]
fn issue_alert_and_error_belong_to_the_issue_that_resolves_them() {
    let triggered = json!({"action": "triggered", "data": {
        "event": {"title": "T", "issue_id": "17", "level": "error", "web_url": "https://x.sentry.io/issues/17/events/a/"},
        "triggered_rule": "Page us",
    }});
    let by_address = json!({"action": "created", "data": {
        "error": {"title": "T", "issue_url": "https://sentry.io/api/0/issues/17/"},
    }});

    let keys =
        [triggered, by_address, issue("resolved", "resolved")].map(|body| event(&body).deduplication_key);

    assert_eq!(keys, ["issue:17", "issue:17", "issue:17"]);
}

#[test]
fn issue_is_read_completely() {
    let found = event(&issue("created", "unresolved"));

    assert_eq!((&*found.title, found.description.as_deref()), ("T", Some("C")));
    assert_eq!(found.priority.as_deref(), Some("fatal"));
    assert_eq!(found.source_url.as_deref(), Some("https://x.sentry.io/issues/17/"));
}

#[test]
fn metric_alert_keeps_its_name_and_key_when_it_resolves() {
    let (critical, warning, over) =
        (event(&metric_alert("critical")), event(&metric_alert("warning")), event(&metric_alert("resolved")));

    for found in [&critical, &warning, &over] {
        assert_eq!((&*found.deduplication_key, &*found.title), ("metric_alert:4", "Too many errors"));
        assert_eq!(found.description.as_deref(), Some("1,000 events"));
    }
    assert_eq!(
        [&critical, &warning, &over].map(|found| (found.status.name(), found.priority.as_deref())),
        [("firing", Some("critical")), ("firing", Some("warning")), ("resolved", None)]
    );
}

#[test]
fn title_of_a_metric_alert_without_a_rule_has_no_state() {
    let mut body = metric_alert("resolved");
    body["data"]["metric_alert"]["alert_rule"] = Value::Null;

    assert_eq!(event(&body).title, "Too many errors");
}

#[test]
fn deliveries_that_neither_fire_nor_resolve_are_ignored() {
    let cases = [
        ("installation", json!({"action": "created", "data": {"installation": {"status": "pending"}}})),
        ("", json!({"action": "created", "data": {"installation": {"status": "pending"}}})),
        (
            "comment",
            json!({"action": "created", "data": {"comment": "hm", "comment_id": "1", "issue_id": "17"}}),
        ),
        ("seer", json!({"action": "root_cause_started", "data": {"run_id": 1}})),
    ];
    for (resource, body) in cases {
        let parsed = parse_as(resource, &body);

        assert_eq!((parsed.events.len(), parsed.unreadable), (0, None), "{resource} {body}");
    }
}

#[test]
fn unknown_object_is_reported_and_not_refused() {
    for body in [json!({}), json!({"action": "created", "data": {"issue": {"title": "T"}}})] {
        let unreadable = parse_as("issue", &body).unreadable.unwrap();

        assert!(matches!(unreadable.reason, UnreadableReason::UnexpectedShape { .. }), "{body}");
    }
}

#[test]
fn signature_is_required_if_present_and_the_old_plugin_sends_the_secret() {
    let source = sources::get("sentry").unwrap();
    let body = br#"{"id":"17","level":"error","event":{"title":"T"},"url":"https://x.sentry.io/issues/17/"}"#;
    let mut forged = HeaderMap::new();
    source.sign(&mut forged, b"{}", &"client secret".into(), NOW);
    let bare = HeaderMap::new();
    let of_this = "client secret".into();
    let outcome = |headers: &HeaderMap, query| {
        let delivery = Delivery { headers, path: "", query, body, now: NOW };
        source.verify(&delivery, &of_this, None).map(|_| ())
    };

    assert_eq!(outcome(&bare, Some("token=client%20secret")), Ok(()));
    assert_eq!(outcome(&bare, None), Err(VerifyError::Missing));
    assert_eq!(outcome(&forged, Some("token=client%20secret")), Err(VerifyError::Wrong));

    let delivery =
        Delivery { headers: &bare, path: "", query: Some("token=client%20secret"), body, now: NOW };
    let found = source.parse(source.verify(&delivery, &of_this, None).unwrap()).unwrap().events.remove(0);
    assert_eq!((&*found.title, &*found.deduplication_key), ("T", "issue:17"));
}

#[test]
fn signature_is_the_one_that_sentry_computes() {
    let mut headers = HeaderMap::new();
    sources::get("sentry").unwrap().sign(&mut headers, b"what do ya want for nothing?", &"Jefe".into(), NOW);

    let signature = headers.get(HeaderName::from_static("sentry-hook-signature")).unwrap();

    // RFC 4231, test case 2.
    assert_eq!(signature, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}
