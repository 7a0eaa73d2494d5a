//! HTTP: the documented fields, and other payloads.

use domain::alert::{AlertEvent, AlertStatus};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use sources::{Delivery, ParseError, Parsed, UnreadableReason};

use crate::support::NOW;

fn parse_with(headers: &HeaderMap, body: &[u8]) -> Result<Parsed, ParseError> {
    let source = sources::get("http").unwrap();
    let delivery = Delivery { headers, path: "", query: Some("token=secret"), body, now: NOW };
    source.parse(source.verify(&delivery, &"secret".into(), None).unwrap(), "spare")
}

fn parse(body: &[u8]) -> Result<Parsed, ParseError> {
    parse_with(&HeaderMap::new(), body)
}

fn event(body: &Value) -> AlertEvent {
    let mut parsed = parse(body.to_string().as_bytes()).unwrap();
    assert_eq!((parsed.events.len(), &parsed.unreadable), (1, &None), "{body}");
    parsed.events.remove(0)
}

#[test]
fn documented_fields_are_all_read() {
    let body = json!({
        "title": "T", "status": "resolved", "deduplication_key": "host/service", "description": "D",
        "source_url": "https://x.example", "metadata": {"severity": "major", "priority": "P1"},
    });

    let found = event(&body);

    assert_eq!(
        (&*found.title, found.status, &*found.deduplication_key),
        ("T", AlertStatus::Resolved, "host/service")
    );
    assert_eq!(
        (found.description.as_deref(), found.source_url.as_deref()),
        (Some("D"), Some("https://x.example"))
    );
    assert_eq!((found.priority.as_deref(), found.occurred_at), (Some("P1"), None));
    assert_eq!(found.payload.get(), body.to_string());
}

#[test]
fn empty_texts_count_as_absent() {
    let found = event(
        &json!({"title": "T", "status": "firing", "deduplication_key": "", "description": "", "source_url": ""}),
    );

    assert_eq!((found.description, found.source_url), (None, None));
    assert_eq!(found.deduplication_key, "spare");
}

#[test]
fn event_without_a_key_has_the_fallback_key_that_the_response_contains() {
    assert_eq!(event(&json!({"title": "T"})).deduplication_key, "spare");
}

#[test]
fn repeated_delivery_without_a_key_is_the_same_alert_if_it_has_an_idempotency_key() {
    let key = |mark: &'static str| {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("idempotency-key"),
            HeaderValue::from_static(mark),
        )]);
        parse_with(&headers, br#"{"title":"T"}"#).unwrap().events.remove(0).deduplication_key
    };

    assert_eq!(key("one"), key("one"));
    assert_ne!(key("one"), key("two"));
    assert_eq!(key(""), "spare");
}

#[test]
fn last_of_equal_names_in_metadata_counts() {
    let found = parse(br#"{"title":"T","status":"firing","metadata":{"severity":"low","host":"a","severity":"high","host":"b"}}"#)
        .unwrap()
        .events
        .remove(0);

    assert_eq!(found.priority.as_deref(), Some("high"));
}

#[test]
fn metadata_may_be_anything() {
    for metadata in [json!(null), json!("text"), json!([1]), json!({"priority": {"name": "high"}})] {
        assert_eq!(event(&json!({"title": "T", "metadata": metadata})).priority, None, "{metadata}");
    }
}

#[test]
fn other_common_field_names_are_read() {
    let cases = [
        (json!({"message": "M", "state": "OK", "alias": "a"}), ("M", AlertStatus::Resolved, "a")),
        (
            json!({"alert_name": "N", "status": "UP", "description": "D"}),
            ("N", AlertStatus::Resolved, "spare"),
        ),
        (json!({"Title": "T", "Id": "7", "event_type": "create"}), ("T", AlertStatus::Firing, "7")),
        (json!({"summary": "S", "alertId": 12, "status": "CANCELED"}), ("S", AlertStatus::Resolved, "12")),
        (
            json!({"event": "check.up", "description": "UP again\nsince 3", "downtime": {"id": "d"}}),
            ("UP again", AlertStatus::Resolved, "d"),
        ),
        (json!({"status": "problem", "key": 1, "dedup_key": "k"}), ("Alert k", AlertStatus::Firing, "k")),
    ];
    for (body, expected) in cases {
        let found = event(&body);

        assert_eq!((&*found.title, found.status, &*found.deduplication_key), expected, "{body}");
    }
}

#[test]
fn message_next_to_a_title_is_the_description() {
    let found = event(&json!({"title": "T", "message": "M"}));

    assert_eq!((&*found.title, found.description.as_deref()), ("T", Some("M")));
    assert_eq!(event(&json!({"message": "M"})).description, None);
}

#[test]
fn each_event_of_an_array_is_one_alert() {
    let parsed =
        parse(br#"[{"title":"A"},{"title":"B"},"C",{"title":"D","deduplication_key":"d"}]"#).unwrap();

    let keys: Vec<_> = parsed.events.iter().map(|event| &*event.deduplication_key).collect();
    assert_eq!(keys, ["spare", "spare-1", "d"]);
    assert_eq!(parsed.unreadable.unwrap().count, 1);
}

#[test]
fn group_of_alertmanager_is_read_as_a_group() {
    let parsed =
        parse(br#"{"status":"firing","alerts":[{"labels":{"alertname":"A"}},{"labels":{"alertname":"B"}}]}"#)
            .unwrap();

    assert_eq!(parsed.events.iter().map(|event| &*event.title).collect::<Vec<_>>(), ["A", "B"]);
}

#[test]
fn acknowledgement_is_not_an_event() {
    let parsed = parse(br#"{"title":"T","status":"acknowledged","deduplication_key":"k"}"#).unwrap();

    assert_eq!((parsed.events.len(), parsed.unreadable), (0, None));
}

#[test]
fn object_without_content_is_reported_and_not_refused() {
    for body in [r#"{}"#, r#"{"status":"firing"}"#, r#"{"title":""}"#, r#"{"foo":[1,2]}"#] {
        let unreadable = parse(body.as_bytes()).unwrap().unreadable.unwrap();

        assert_eq!(
            unreadable.reason,
            UnreadableReason::UnexpectedShape { expected: "an object with a `title`" },
            "{body}"
        );
        assert_eq!(unreadable.sample, body);
    }
}

#[test]
fn half_a_character_is_reported_and_not_refused() {
    let unreadable = parse(br#"{"title":"\ud800"}"#).unwrap().unreadable.unwrap();

    assert!(matches!(unreadable.reason, UnreadableReason::Malformed { .. }));
}

#[test]
fn long_key_is_replaced_by_the_same_hash_each_time() {
    let long = event(&json!({"title": "T", "deduplication_key": "k".repeat(3_000)}));

    let by_hash =
        event(&json!({"title": "T", "status": "resolved", "deduplication_key": long.deduplication_key}));

    assert_eq!(long.deduplication_key, by_hash.deduplication_key);
    assert!(long.deduplication_key.len() < 100);
}
