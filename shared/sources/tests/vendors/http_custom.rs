//! Custom HTTP.

use domain::alert::AlertStatus;
use serde_json::json;

use crate::support::Sender;

#[test]
fn any_json_is_one_event_and_the_same_content_is_the_same_alert() {
    for body in [
        json!({}),
        json!([]),
        json!([{"a": 1}, {"a": 2}]),
        json!({"status": "acknowledged"}),
        json!({"x": {"y": [1]}}),
    ] {
        let (one, again) = (Sender("http_custom").parse(&body), Sender("http_custom").parse(&body));

        assert_eq!((one.events.len(), one.unreadable.is_none()), (1, true), "{body}");
        assert_eq!(one.events[0].status, AlertStatus::Firing, "{body}");
        assert_eq!(one.events[0].deduplication_key, again.events[0].deduplication_key, "{body}");
        assert_eq!(one.events[0].payload.get(), body.to_string());
    }
    let (one, other) =
        (Sender("http_custom").parse(&json!({"a": 1})), Sender("http_custom").parse(&json!({"a": 2})));
    assert_ne!(one.events[0].deduplication_key, other.events[0].deduplication_key);
}
