//! The alerts that Firebell raises itself about deliveries that it cannot read.

use domain::alert::AlertStatus;
use sources::{Unreadable, UnreadableReason, limits, too_large_event, unreadable_event};

fn unreadable(reason: UnreadableReason) -> Unreadable {
    Unreadable { count: 3, reason, sample: "{\"labels\":".to_owned(), content: "c0ffee".to_owned() }
}

#[test]
fn alert_about_unreadable_events_has_count_source_and_reason() {
    let event = unreadable_event(
        "Prometheus",
        &unreadable(UnreadableReason::TooDeep),
        "2026-03-02T04:11:59Z".parse().unwrap(),
    );

    assert_eq!(event.status, AlertStatus::Firing);
    assert_eq!(event.deduplication_key, "firebell:delivery:too-deep:c0ffee:2026-03-02T04");
    insta::assert_snapshot!(
        "alert_on_unreadable_events",
        format!("{}\n\n{}", event.title, event.description.unwrap())
    );
}

#[test]
fn same_kind_of_reason_is_the_same_alert_with_the_same_text_within_a_minute() {
    let at = |second: &str| format!("2026-03-02T04:11:{second}Z").parse().unwrap();
    let malformed = |reason: &str| unreadable(UnreadableReason::Malformed { reason: reason.to_owned() });

    let first = unreadable_event("P", &malformed("at line 1"), at("01"));
    let again = unreadable_event("P", &malformed("at line 1"), at("59"));
    let elsewhere = unreadable_event("P", &malformed("at line 2"), at("59"));
    let other = unreadable_event("P", &unreadable(UnreadableReason::TooDeep), at("01"));

    assert_eq!(serde_json::to_string(&first).unwrap(), serde_json::to_string(&again).unwrap());
    assert_eq!(first.deduplication_key, elsewhere.deduplication_key);
    assert_ne!(first.deduplication_key, other.deduplication_key);
}

#[test]
fn unreadable_events_of_another_hour_are_another_alert() {
    let at =
        |time: &str| unreadable_event("P", &unreadable(UnreadableReason::TooDeep), time.parse().unwrap());

    let first = at("2026-03-02T04:00:00Z").deduplication_key;

    assert_eq!(first, at("2026-03-02T04:59:59Z").deduplication_key);
    assert_ne!(first, at("2026-03-02T05:00:00Z").deduplication_key);
    assert_ne!(first, at("2026-03-03T04:00:00Z").deduplication_key);
}

#[test]
fn alert_about_a_large_delivery_has_its_size() {
    let event = too_large_event(&"n".repeat(5_000), 7_000_000, "2026-03-02T04:11:59Z".parse().unwrap());

    assert!(event.title.len() < limits::TITLE_BYTES, "{}", event.title);
    assert!(event.description.unwrap().contains("7000000 bytes"));
    assert_eq!(event.deduplication_key, "firebell:delivery:delivery-too-large:2026-03-02T04");
}
