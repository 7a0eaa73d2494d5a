//! Datadog: different templates, transitions and forms.

use domain::alert::AlertStatus;
use serde_json::{Value, json};
use sources::UnreadableReason;

use crate::support::Sender;

const SENDER: Sender = Sender("datadog");

#[test]
fn transitions_fire_or_resolve_an_alert() {
    let cases = [
        ("Triggered", AlertStatus::Firing),
        ("Re-Triggered", AlertStatus::Firing),
        ("No Data", AlertStatus::Firing),
        ("Re-No Data", AlertStatus::Firing),
        ("Warn", AlertStatus::Firing),
        ("Re-Warn", AlertStatus::Firing),
        ("Renotify", AlertStatus::Firing),
        ("Something new", AlertStatus::Firing),
        ("Recovered", AlertStatus::Resolved),
        ("recovered", AlertStatus::Resolved),
    ];
    for (word, expected) in cases {
        let body = json!({"alert_title": "T", "transition": word, "alert_status": "OK, all is well"});
        assert_eq!(SENDER.status(&body), Some(expected), "{word}");
    }
    assert_eq!(SENDER.status(&json!({"title": "T", "alert_type": "success"})), Some(AlertStatus::Resolved));
    assert_eq!(
        SENDER.status(&json!({"title": "T", "ALERT_TRANSITION": "$ALERT_TRANSITION", "ALERT_TYPE": "error"})),
        Some(AlertStatus::Firing)
    );
}

#[test]
fn key_is_datadogs_own_or_the_monitor_or_the_title_without_its_state() {
    let cases = [
        (json!({"cycle_key": "c", "aggreg_key": "a", "alert_id": "1"}), "c"),
        (json!({"cycle_key": "$ALERT_CYCLE_KEY", "aggreg_key": "a", "alert_id": "1"}), "a"),
        (
            json!({"cycle_key": "", "AGGREG_KEY": "$AGGREG_KEY", "alert_id": 1, "scope": "host:a"}),
            "monitor_id=1:host:a",
        ),
        (json!({"monitor_id": "1", "title": "T"}), "monitor_id=1"),
        (json!({"id": "7", "title": "[P2] [Triggered on {host:a}] Disk"}), "title=Disk"),
        (json!({"id": "8", "title": "[P2] [Recovered on {host:a}] Disk"}), "title=Disk"),
    ];
    for (body, expected) in cases {
        assert_eq!(SENDER.event(&body).deduplication_key, expected, "{body}");
    }
    let bare = SENDER.event(&json!({"transition": "Triggered"})).deduplication_key;
    assert!(bare.starts_with("content:"), "{bare}");
}

#[test]
fn variables_that_were_not_replaced_are_absent() {
    let found = SENDER.event(&json!({
        "alert_title": "$ALERT_TITLE", "title": "$EVENT_TITLE", "message": "$EVENT_MSG", "link": "$LINK",
        "priority": "$ALERT_PRIORITY", "transition": "Triggered", "alert_id": "1",
    }));

    assert_eq!((&*found.title, found.description), ("Datadog monitor without a title", None));
    assert_eq!((found.source_url, found.priority), (None, None));
}

#[test]
fn tags_may_be_a_text_or_a_list_and_stay_unchanged() {
    for tags in [json!("a:1,b"), json!(["a:1", "b"]), Value::Null] {
        let found = SENDER.event(&json!({"alert_title": "T", "tags": tags}));

        let payload: Value = serde_json::from_str(found.payload.get()).unwrap();
        assert_eq!(payload["tags"], tags);
    }
}

#[test]
fn form_is_read_as_the_object_of_its_fields() {
    let form = b"alert_title=Disk+of+db-1&transition=Recovered&cycle_key=c%2F1&tags=a%3A1%2Cb&link=https%3A%2F%2Fx.example%2F";

    let found =
        SENDER.parse_with(form, &[("content-type", "application/x-www-form-urlencoded")]).events.remove(0);

    assert_eq!((found.status, &*found.title), (AlertStatus::Resolved, "Disk of db-1"));
    assert_eq!((&*found.deduplication_key, found.source_url.as_deref()), ("c/1", Some("https://x.example/")));
    assert!(found.payload.get().contains(r#""tags":"a:1,b""#));
}

#[test]
fn payload_without_content_is_reported() {
    assert!(matches!(
        SENDER.parse(&json!({"date": "1"})).unreadable.unwrap().reason,
        UnreadableReason::UnexpectedShape { .. }
    ));
}
