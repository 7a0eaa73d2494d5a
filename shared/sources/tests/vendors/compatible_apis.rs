//! The sources for senders that use the API of another product.

use domain::alert::AlertStatus;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use sources::{Acknowledgement, Delivery, Parsed, VerifyError, get};

const NOW: &str = "2026-03-02T12:00:00Z";

/// Delivers to a source with the headers that are given, under the secret `routing-key`.
fn deliver(
    kind: &str,
    path: &str,
    headers: &[(&'static str, &str)],
    body: &str,
) -> Result<Parsed, VerifyError> {
    let source = get(kind).unwrap();
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
        .collect();
    let delivery =
        Delivery { headers: &headers, path, query: None, body: body.as_bytes(), now: NOW.parse().unwrap() };
    let verified = source.verify(&delivery, &"routing-key".into(), None)?;
    Ok(source.parse(verified).unwrap())
}

/// A key, without the hash if it is made of the content.
fn key(key: &str) -> &str {
    if key.starts_with("content:") { "by content" } else { key }
}

/// The statuses and keys of the parsed events.
fn statuses(parsed: &Parsed) -> Vec<(AlertStatus, &str)> {
    assert_eq!(parsed.unreadable, None);
    parsed.events.iter().map(|event| (event.status, key(&event.deduplication_key))).collect()
}

fn pagerduty(body: &str) -> Parsed {
    deliver("pager_duty_events", "", &[], body).unwrap()
}

fn opsgenie(path: &str, body: &str) -> Parsed {
    deliver("opsgenie_alerts", path, &[("authorization", "GenieKey routing-key")], body).unwrap()
}

#[test]
fn routing_key_is_the_secret_and_is_not_kept() {
    let body = r#"{"routing_key":"routing-key","event_action":"trigger","payload":{"summary":"Down","source":"a","severity":"error"}}"#;

    let parsed = pagerduty(body);

    assert_eq!(statuses(&parsed), [(AlertStatus::Firing, "by content")]);
    assert_eq!(parsed.events[0].title, "Down");
    assert!(!parsed.events[0].payload.get().contains("routing-key"), "{}", parsed.events[0].payload.get());
    for (body, expected) in [
        (r#"{"routing_key":"another","event_action":"trigger"}"#, VerifyError::Wrong),
        (r#"{"routing_key":"","event_action":"trigger"}"#, VerifyError::Missing),
        (r#"{"routing_key":17,"event_action":"trigger"}"#, VerifyError::Missing),
        (r#"{"event_action":"trigger"}"#, VerifyError::Missing),
        ("", VerifyError::Missing),
    ] {
        assert_eq!(deliver("pager_duty_events", "", &[], body).err(), Some(expected), "{body}");
    }
    let by_header =
        deliver("pager_duty_events", "", &[("x-routing-key", "routing-key")], r#"{"event_action":"x"}"#);
    assert_eq!(by_header.unwrap().events.len(), 1);
}

#[test]
fn each_action_of_an_event_means_what_pagerduty_means_by_it() {
    let of = |action: &str, key: &str| {
        pagerduty(&format!(
            r#"{{"routing_key":"routing-key","event_action":"{action}"{key},"client":"Watcher"}}"#
        ))
    };
    let key = r#","dedup_key":"db/disk""#;

    assert_eq!(statuses(&of("trigger", key)), [(AlertStatus::Firing, "db/disk")]);
    assert_eq!(statuses(&of("resolve", key)), [(AlertStatus::Resolved, "db/disk")]);
    assert_eq!(statuses(&of("explode", key)), [(AlertStatus::Firing, "db/disk")]);
    assert_eq!(statuses(&of("resolve", "")), []);
    let acknowledged = of("acknowledge", key);
    assert_eq!(statuses(&acknowledged), []);
    assert_eq!(
        acknowledged.acknowledged,
        [Acknowledgement { deduplication_key: "db/disk".to_owned(), by: Some("Watcher".to_owned()) }]
    );
}

#[test]
fn event_with_few_fields_still_fires() {
    let bare = pagerduty(r#"{"routing_key":"routing-key","event_action":"trigger"}"#);
    let with_source = pagerduty(
        r#"{"routing_key":"routing-key","payload":{"source":"db-1","custom_details":{"a":1,"b":[2]}}}"#,
    );

    assert!(bare.events[0].title.starts_with("Alert content:"), "{}", bare.events[0].title);
    assert_eq!(with_source.events[0].title, "Alert from db-1");
    assert_eq!(with_source.events[0].description.as_deref(), Some("a: 1"));
    let strange = pagerduty(r#"{"routing_key":"routing-key","hello":1}"#);
    let unreadable = strange.unreadable.unwrap();
    assert_eq!((strange.events.len(), unreadable.count), (0, 1));
    assert!(!unreadable.sample.contains("routing-key"), "{}", unreadable.sample);
}

#[test]
fn each_path_of_opsgenie_means_what_opsgenie_means_by_it() {
    let alert = r#"{"message":"Disk","alias":"db/disk"}"#;

    assert_eq!(statuses(&opsgenie("v2/alerts", alert)), [(AlertStatus::Firing, "db/disk")]);
    assert_eq!(statuses(&opsgenie("", alert)), [(AlertStatus::Firing, "db/disk")]);
    assert_eq!(
        statuses(&opsgenie("v2/alerts", r#"{"message":"Disk"}"#)),
        [(AlertStatus::Firing, "by content")]
    );
    assert_eq!(statuses(&opsgenie("v2/alerts/db%2Fdisk/close", "{}")), [(AlertStatus::Resolved, "db/disk")]);
    assert_eq!(statuses(&opsgenie("v2/alerts/db%2Fdisk/close", "")), [(AlertStatus::Resolved, "db/disk")]);
    assert_eq!(statuses(&opsgenie("v2/alerts/db%2Fdisk%20/close", "")), [(AlertStatus::Resolved, "db/disk")]);
    assert_eq!(
        statuses(&opsgenie("v2/alerts", r#"{"message":"Disk","alias":"db/disk "}"#)),
        [(AlertStatus::Firing, "db/disk")]
    );
    assert_eq!(statuses(&opsgenie("v2/alerts/db%2Fdisk", "")), [(AlertStatus::Resolved, "db/disk")]);
    assert_eq!(
        statuses(&opsgenie("opsgenie/v2/alerts/db/disk/close", "")),
        [(AlertStatus::Resolved, "db/disk")]
    );
    assert_eq!(statuses(&opsgenie("v2/alerts/db%2Fdisk/actions/restart", "{}")), []);
    assert_eq!(statuses(&opsgenie("v2/alerts/db%2Fdisk/notes", r#"{"note":"x"}"#)), []);
    let acknowledged = opsgenie("v2/alerts/db%2Fdisk/acknowledge", r#"{"user":"ada@example.com"}"#);
    assert_eq!(statuses(&acknowledged), []);
    assert_eq!(
        acknowledged.acknowledged,
        [Acknowledgement { deduplication_key: "db/disk".to_owned(), by: Some("ada@example.com".to_owned()) }]
    );
    let other = [("authorization", "GenieKey another")];
    assert_eq!(deliver("opsgenie_alerts", "", &other, alert).err(), Some(VerifyError::Wrong));
    let bare = [("authorization", "GenieKey")];
    assert_eq!(deliver("opsgenie_alerts", "", &bare, alert).err(), Some(VerifyError::Missing));
}

#[test]
fn prometheus_resolves_an_alert_with_an_end_in_the_past() {
    let alert = |ends_at: &str| {
        let body = format!(
            r#"[{{"labels":{{"alertname":"Up","job":"a"}},"startsAt":"2026-03-02T11:00:00Z","endsAt":"{ends_at}"}}]"#
        );
        deliver("prometheus", "api/v2/alerts", &[("authorization", "Bearer routing-key")], &body).unwrap()
    };

    let (first, again) = (alert("2026-03-02T12:04:00Z"), alert("2026-03-02T12:05:00Z"));
    let over = alert("2026-03-02T11:59:00Z");

    assert_eq!(first.events[0].status, AlertStatus::Firing);
    assert_eq!(first.events[0].payload.get(), again.events[0].payload.get(), "that it goes on is no news");
    assert_eq!(over.events[0].status, AlertStatus::Resolved);
    assert_eq!(over.events[0].deduplication_key, first.events[0].deduplication_key);
    assert_eq!(over.events[0].occurred_at, Some("2026-03-02T11:59:00Z".parse::<Timestamp>().unwrap()));
    assert_eq!(alert("0001-01-01T00:00:00Z").events[0].status, AlertStatus::Firing);
}
