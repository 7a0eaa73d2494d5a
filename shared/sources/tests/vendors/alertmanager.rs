//! Deliveries of Alertmanager: all versions, complete and broken ones.

use domain::alert::{AlertEvent, AlertStatus};
use http::HeaderMap;
use serde_json::{Value, json};
use sources::{Delivery, ParseError, Parsed, UnreadableReason, limits};

use crate::support::NOW;

fn parse(body: &[u8]) -> Result<Parsed, ParseError> {
    let source = sources::get("alertmanager").unwrap();
    let headers = HeaderMap::new();
    let delivery = Delivery { headers: &headers, path: "", query: Some("token=secret"), body, now: NOW };
    source.parse(source.verify(&delivery, &"secret".into(), None).unwrap())
}

fn events(group: &Value) -> Vec<AlertEvent> {
    let parsed = parse(group.to_string().as_bytes()).unwrap();
    assert_eq!(parsed.unreadable, None);
    parsed.events
}

fn event(alert: Value) -> AlertEvent {
    events(&json!({"alerts": [alert], "externalURL": "https://am.example"})).remove(0)
}

#[test]
fn each_alert_has_its_own_status_and_not_that_of_its_group() {
    for group_status in ["firing", "resolved"] {
        let found = events(&json!({"version": "4", "status": group_status, "truncatedAlerts": 7, "alerts": [
            {"status": "firing", "labels": {"alertname": "A"}, "fingerprint": "1"},
            {"status": "resolved", "labels": {"alertname": "B"}, "fingerprint": "2"},
        ]}));

        let found: Vec<_> = found.iter().map(|event| (&*event.deduplication_key, event.status)).collect();
        assert_eq!(found, [("1", AlertStatus::Firing), ("2", AlertStatus::Resolved)], "{group_status}");
    }
}

#[test]
fn every_version_is_read() {
    for (version, group_key) in [
        (json!("4"), json!("{}:{}")),
        (json!("1"), json!("k")),
        (json!("3"), json!(17)),
        (json!(5), Value::Null),
    ] {
        let found = events(&json!({"version": version, "groupKey": group_key, "alerts": [
            {"status": "firing", "labels": {"alertname": "A"}},
        ]}));

        assert_eq!(found.len(), 1, "{version}");
    }
}

#[test]
fn alert_without_a_status_has_that_of_its_group_and_fires_if_there_is_none() {
    let alert = json!({"labels": {"alertname": "A"}});
    let cases = [
        (json!({"status": "resolved", "alerts": [alert]}), AlertStatus::Resolved),
        (json!({"status": "firing", "alerts": [alert]}), AlertStatus::Firing),
        (json!({"alerts": [alert]}), AlertStatus::Firing),
        (json!({"alerts": [{"status": "suppressed", "labels": {"alertname": "A"}}]}), AlertStatus::Firing),
    ];
    for (group, expected) in cases {
        assert_eq!(events(&group)[0].status, expected, "{group}");
    }
}

#[test]
fn group_without_alerts_has_no_events() {
    for alerts in [json!([]), Value::Null] {
        assert!(events(&json!({"version": "4", "status": "firing", "alerts": alerts})).is_empty());
    }
}

#[test]
fn body_that_is_not_a_group_is_refused() {
    for body in ["{}", r#"{"alerts":"none"}"#, r#"{"alerts":{}}"#, "[]", r#"[{"labels":{}}]"#] {
        assert!(matches!(parse(body.as_bytes()), Err(ParseError::WrongShape { .. })), "{body}");
    }
}

#[test]
fn missing_fingerprint_is_computed_as_alertmanager_computes_it() {
    // The value that Alertmanager 0.25 gave for these labels.
    let labels = json!({"severity": "critical", "instance": "db1", "alertname": "DiskFull"});

    assert_eq!(event(json!({"status": "firing", "labels": labels})).deduplication_key, "e94c744ae3d44df8");
    assert_eq!(event(json!({"labels": labels, "fingerprint": ""})).deduplication_key, "e94c744ae3d44df8");
    assert_eq!(event(json!({"labels": labels, "fingerprint": "given"})).deduplication_key, "given");
}

#[test]
fn time_is_the_start_when_firing_and_the_end_when_resolved() {
    let cases = [
        ("firing", "2026-01-01T10:00:00+01:00", "0001-01-01T00:00:00Z", Some("2026-01-01T09:00:00Z")),
        ("firing", "0001-01-01T00:00:00Z", "2026-01-01T10:00:00Z", None),
        (
            "resolved",
            "2026-01-01T09:00:00Z",
            "2026-01-01T10:00:00.123456789Z",
            Some("2026-01-01T10:00:00.123456789Z"),
        ),
        ("resolved", "2026-01-01T09:00:00Z", "0001-01-01T00:00:00Z", None),
        ("resolved", "2026-01-01T09:00:00Z", "2026-01-01T08:00:00Z", Some("2026-01-01T09:00:00Z")),
        ("resolved", "soon", "later", None),
    ];
    for (status, starts, ends, expected) in cases {
        let found =
            event(json!({"status": status, "labels": {"a": "b"}, "startsAt": starts, "endsAt": ends}));

        let expected = expected.map(|time| time.parse().unwrap());
        assert_eq!(found.occurred_at, expected, "{status} {starts} {ends}");
    }
}

#[test]
fn title_is_the_best_available_name() {
    let cases = [
        (json!({"annotations": {"summary": "S", "title": "T"}, "labels": {"alertname": "N"}}), "S"),
        (json!({"annotations": {"summary": " ", "title": "T"}, "labels": {"alertname": "N"}}), "T"),
        (json!({"annotations": {}, "labels": {"alertname": "N"}}), "N"),
        (json!({"annotations": null, "labels": {"job": "api", "zone": "b"}}), "Alert with job=api, zone=b"),
        (json!({"fingerprint": "1"}), "Alert without a name"),
    ];
    for (alert, expected) in cases {
        assert_eq!(event(alert.clone()).title, expected, "{alert}");
    }
}

#[test]
fn link_is_absolute_or_that_of_alertmanager() {
    let cases = [
        ("https://prometheus.example/graph", Some("https://prometheus.example/graph")),
        ("?orgId=1", Some("https://am.example")),
        ("", Some("https://am.example")),
        ("javascript:alert(1)", Some("https://am.example")),
    ];
    for (url, expected) in cases {
        let found = event(json!({"labels": {"a": "b"}, "generatorURL": url}));

        assert_eq!(found.source_url.as_deref(), expected, "{url}");
    }
    let found = events(&json!({"alerts": [{"labels": {"a": "b"}}], "externalURL": "/alertmanager"}));
    assert_eq!(found[0].source_url, None);
}

#[test]
fn bad_value_costs_only_itself_and_a_broken_alert_does_not_affect_the_others() {
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let large = "x".repeat(limits::EVENT_BYTES);
    let body = format!(
        r#"{{"alerts":[
            {{"labels":{{"alertname":"first"}}}},
            {{"labels":{{"alertname":"\ud800"}}}},
            {{"labels":{{"alertname":"deep"}},"x":{deep}}},
            {{"labels":{{"alertname":"large"}},"x":"{large}"}},
            17,
            {{}},
            {{"labels":{{"alertname":"last"}}}}
        ]}}"#
    );

    let parsed = parse(body.as_bytes()).unwrap();

    let titles: Vec<_> = parsed.events.iter().map(|event| &*event.title).collect();
    let unreadable = parsed.unreadable.unwrap();
    assert_eq!(titles, ["first", r"\ud800", "deep", "large", "last"]);
    assert_eq!(unreadable.count, 2);
    assert_eq!(unreadable.reason, UnreadableReason::UnexpectedShape { expected: "an object" });
    assert_eq!(unreadable.sample, "17");
}

#[test]
fn each_kind_of_broken_alert_has_its_own_reason() {
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(limits::EVENT_DEPTH), "]".repeat(limits::EVENT_DEPTH));
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(limits::EVENT_BYTES));
    let cases = [
        (deep, UnreadableReason::TooDeep),
        (large.clone(), UnreadableReason::TooLarge { bytes: large.len() }),
        ("17".to_owned(), UnreadableReason::UnexpectedShape { expected: "an object" }),
        ("{}".to_owned(), UnreadableReason::UnexpectedShape { expected: "an alert with `labels`" }),
    ];
    for (alert, expected) in cases {
        let unreadable = parse(format!(r#"{{"alerts":[{alert}]}}"#).as_bytes()).unwrap().unreadable.unwrap();

        assert_eq!(unreadable.reason, expected);
        assert!(unreadable.sample.len() <= limits::SAMPLE_BYTES);
    }
}

#[test]
fn alert_at_the_very_limits_is_read() {
    let depth = limits::EVENT_DEPTH - 1;
    let deep = format!(r#"{{"fingerprint":"1","a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    let start = r#"{"fingerprint":"2","a":""#;
    let large = format!("{start}{}\"}}", "x".repeat(limits::EVENT_BYTES - start.len() - 2));

    let parsed = parse(format!(r#"{{"alerts":[{deep},{large}]}}"#).as_bytes()).unwrap();

    assert_eq!((parsed.events.len(), parsed.unreadable), (2, None));
}

#[test]
fn delivery_that_only_nests_outside_of_its_alerts_is_read() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));

    let parsed = parse(format!(r#"{{"x":{deep},"alerts":[{{"fingerprint":"1"}}]}}"#).as_bytes()).unwrap();

    assert_eq!(parsed.events.len(), 1);
}

#[test]
fn half_a_character_in_the_name_of_a_field_costs_no_alert() {
    let parsed = parse(br#"{"\ud800":1,"alerts":[{"fingerprint":"1"}]}"#).unwrap();

    assert_eq!((parsed.events.len(), parsed.unreadable), (1, None));
}

#[test]
fn last_of_equal_names_counts() {
    let found = parse(br#"{"alerts":[],"alerts":[{"labels":{"alertname":"A","alertname":"B"},"status":"resolved","status":"firing"}]}"#)
        .unwrap()
        .events;

    assert_eq!((&*found[0].title, found[0].status), ("B", AlertStatus::Firing));
}

#[test]
fn bytes_that_are_not_utf8_do_not_lose_the_alert() {
    let parsed = parse(b"\xEF\xBB\xBF{\"alerts\":[{\"labels\":{\"alertname\":\"caf\xE9\"}}]}").unwrap();

    assert_eq!(parsed.events[0].title, "café");
}

#[test]
fn payload_is_the_unchanged_json_of_the_alert() {
    let slice = "{ \"labels\" : {\"alertname\":\"A\",\n\"n\":1.50} }";

    let parsed = parse(format!(r#"{{"alerts":[ {slice} ]}}"#).as_bytes()).unwrap();

    assert_eq!(parsed.events[0].payload.get(), slice);
}

#[test]
fn long_texts_are_cut_and_marked() {
    let found = event(json!({
        "labels": {"alertname": "A", "severity": "🔥".repeat(1_000)},
        "annotations": {"summary": "🔥".repeat(10_000), "description": "🔥".repeat(100_000)},
        "fingerprint": "f".repeat(5_000),
    }));

    assert!(found.title.len() <= limits::TITLE_BYTES && found.title.ends_with("🔥…"));
    assert!(found.description.unwrap().len() <= limits::DESCRIPTION_BYTES);
    assert!(found.priority.unwrap().len() <= limits::PRIORITY_BYTES);
    assert!(found.deduplication_key.starts_with("sha256:"));
}

#[test]
fn delivery_of_ten_thousand_alerts_is_read_completely() {
    let alerts: Vec<_> = (0..10_000)
        .map(|n| json!({"status": "firing", "labels": {"alertname": "A", "instance": n.to_string()}, "annotations": {}}))
        .collect();

    let found = events(&json!({"alerts": alerts}));

    let keys: std::collections::BTreeSet<_> = found.iter().map(|event| &event.deduplication_key).collect();
    assert_eq!(keys.len(), 10_000);
}

#[test]
fn events_over_the_limit_are_counted_and_reported() {
    let alert = r#"{"labels":{"a":"b"}},"#;
    let count = limits::DELIVERY_BYTES / alert.len();
    let body = format!(r#"{{"alerts":[{}0]}}"#, alert.repeat(count));

    let parsed = parse(body.as_bytes()).unwrap();

    let unreadable = parsed.unreadable.unwrap();
    assert_eq!((parsed.events.len(), unreadable.reason), (limits::EVENTS, UnreadableReason::TooManyEvents));
    assert_eq!(unreadable.count, count + 1 - limits::EVENTS);
}

#[test]
fn small_group_cannot_use_much_memory() {
    let alert = r#"{"labels":{"a":"b"}},"#;
    let link = "x".repeat(limits::URL_BYTES - 100);
    let body =
        format!(r#"{{"externalURL":"https://am.example/{link}","alerts":[{}0]}}"#, alert.repeat(200_000));

    let parsed = parse(body.as_bytes()).unwrap();

    let held: usize = parsed.events.iter().map(|event| event.source_url.as_ref().unwrap().len()).sum();
    assert!(held <= limits::EVENTS_BYTES, "{held}");
    assert!(parsed.unreadable.is_some());
}
