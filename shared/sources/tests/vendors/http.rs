//! HTTP: the documented fields, and other payloads.

use domain::alert::{AlertEvent, AlertStatus};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use sources::{Delivery, ParseError, Parsed, UnreadableReason, limits};

use crate::support::NOW;

fn parse_with(headers: &HeaderMap, body: &[u8]) -> Result<Parsed, ParseError> {
    let source = sources::get("http").unwrap();
    let delivery = Delivery { headers, path: "", query: Some("token=secret"), body, now: NOW };
    source.parse(source.verify(&delivery, &"secret".into(), None).unwrap())
}

fn parse(body: &[u8]) -> Result<Parsed, ParseError> {
    parse_with(&HeaderMap::new(), body)
}

fn event(body: &Value) -> AlertEvent {
    event_of(body.to_string().as_bytes())
}

fn event_of(body: &[u8]) -> AlertEvent {
    let mut parsed = parse(body).unwrap();
    assert_eq!((parsed.events.len(), &parsed.unreadable), (1, &None), "{}", String::from_utf8_lossy(body));
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
    assert!(found.deduplication_key.starts_with("content:"), "{}", found.deduplication_key);
}

#[test]
fn event_without_a_key_is_identified_by_all_its_content() {
    let key = |body: Value| event(&body).deduplication_key;

    assert_eq!(key(json!({"title": "T", "id": 7})), key(json!({"title": "T", "id": 7})));
    for other in [
        json!({"title": "U", "id": 7}),
        json!({"title": "T", "id": 7, "host": "b"}),
        json!({"title": "T", "id": 7, "status": "resolved"}),
        json!({"title": "T"}),
    ] {
        assert_ne!(key(json!({"title": "T", "id": 7})), key(other));
    }
}

#[test]
fn guessed_field_is_no_identity() {
    for name in ["id", "alert_id", "event_id", "alias", "incident_key", "dedup_key", "check.id", "key", "Id"]
    {
        let first = event(&json!({"title": "T", name: 7})).deduplication_key;
        assert!(first.starts_with("content:"), "{name}: {first}");
    }
    let known = json!({"event_type": "create", "Id": "7", "Title": "T", "Urgency": "low"});
    assert_eq!(event(&known).deduplication_key, "7");
}

#[test]
fn second_state_that_fires_is_believed() {
    for (body, expected) in [
        (json!({"title": "T", "status": "resolved", "state": "alerting"}), AlertStatus::Firing),
        (json!({"title": "T", "status": "ok", "event": "check.down"}), AlertStatus::Firing),
        (json!({"title": "T", "state": "inactive"}), AlertStatus::Firing),
        (json!({"title": "T", "status": "resolved", "event": "update"}), AlertStatus::Resolved),
        (
            json!({"info": "I", "alertId": "a", "resourceId": "r", "criticality": "LOW", "status": "CANCELED"}),
            AlertStatus::Resolved,
        ),
    ] {
        assert_eq!(event(&body).status, expected, "{body}");
    }
}

#[test]
fn one_bad_value_costs_only_itself() {
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let large = "x".repeat(limits::EVENT_BYTES);
    for (name, value) in [
        ("half a character", r#""\ud83d""#.to_owned()),
        ("number out of range", "1e400".to_owned()),
        ("deep", deep),
        ("large", format!("[\"{large}\",1]")),
    ] {
        let body = format!(
            r#"{{"side":{value},"title":"Disk of db-1","status":"resolved","deduplication_key":"a"}}"#
        );
        let mut parsed = parse(body.as_bytes()).unwrap();

        assert_eq!((parsed.events.len(), &parsed.unreadable), (1, &None), "{name}");
        let found = parsed.events.remove(0);
        assert_eq!(
            (&*found.title, found.status, &*found.deduplication_key),
            ("Disk of db-1", AlertStatus::Resolved, "a"),
            "{name}"
        );
    }
    let found = event_of(br#"{"title":"Disk of db-1 \ud83d","status":"firing","deduplication_key":"a"}"#);
    assert_eq!((&*found.title, &*found.deduplication_key), (r"Disk of db-1 \ud83d", "a"));
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
    assert!(key("").starts_with("content:"));
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
        (json!({"message": "M", "state": "OK"}), ("M", AlertStatus::Resolved)),
        (json!({"alert_name": "N", "status": "UP", "description": "D"}), ("N", AlertStatus::Resolved)),
        (json!({"Title": "T", "Id": "7", "event_type": "create"}), ("T", AlertStatus::Firing)),
        (json!({"summary": "S", "alertId": 12, "status": "CLOSED"}), ("S", AlertStatus::Resolved)),
        (
            json!({"event": "check.up", "description": "UP again\nsince 3", "downtime": {"id": "d"}}),
            ("UP again", AlertStatus::Resolved),
        ),
        (json!({"status": "problem", "deduplicationKey": "k"}), ("Alert k", AlertStatus::Firing)),
    ];
    for (body, expected) in cases {
        let found = event(&body);

        assert_eq!((&*found.title, found.status), expected, "{body}");
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
    assert_eq!(keys.len(), 3);
    assert!(keys[0].starts_with("content:") && keys[0] != keys[1] && keys[2] == "d", "{keys:?}");
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
fn long_key_is_replaced_by_the_same_hash_each_time() {
    let long = event(&json!({"title": "T", "deduplication_key": "k".repeat(3_000)}));

    let by_hash =
        event(&json!({"title": "T", "status": "resolved", "deduplication_key": long.deduplication_key}));

    assert_eq!(long.deduplication_key, by_hash.deduplication_key);
    assert!(long.deduplication_key.len() < 100);
}
