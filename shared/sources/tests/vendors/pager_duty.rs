//! PagerDuty: several signatures, three versions and the events API.

use domain::alert::AlertStatus;
use http::HeaderMap;
use serde_json::{Value, json};
use sources::{UnreadableReason, VerifyError};

use crate::support::{NOW, Sender};

const SENDER: Sender = Sender("pager_duty");

fn incident(word: &str, status: &str) -> Value {
    json!({"event": {"event_type": word, "occurred_at": "2026-03-02T04:11:30Z", "data": {
        "id": "P1", "type": "incident", "title": "T", "status": status, "urgency": "low", "priority": null,
        "html_url": "https://x.pagerduty.com/incidents/P1", "service": {"summary": "Shop"},
    }}})
}

#[test]
fn any_of_several_signatures_is_accepted_and_the_documented_mismatch_is_not() {
    let mut headers = HeaderMap::new();
    sources::get("pager_duty").unwrap().sign(&mut headers, b"{}", &"secret".into(), NOW);
    let right = headers["x-pagerduty-signature"].to_str().unwrap();
    let wrong = "v1=7020c8a7ec668a9b7012bc3dd82e483394b038f4230acc6785efbf2a7d8bcaf5";
    let cases = [
        (right.to_owned(), Ok(())),
        (format!("{wrong},{right}"), Ok(())),
        (format!("{right}, {wrong}"), Ok(())),
        (format!("v0=00,{right}"), Ok(())),
        (wrong.to_owned(), Err(VerifyError::Wrong)),
        (right.replace("v1=", "v2="), Err(VerifyError::Wrong)),
        (right.replace("v1=", ""), Err(VerifyError::Wrong)),
        (",".to_owned(), Err(VerifyError::Wrong)),
    ];
    for (list, expected) in cases {
        assert_eq!(SENDER.outcome(&[("x-pagerduty-signature", &list)], None, b"{}"), expected, "{list}");
    }
    assert_eq!(
        SENDER.outcome(&[("x-pagerduty-signature", wrong)], Some("token=secret"), b"{}"),
        Err(VerifyError::Wrong)
    );
    assert_eq!(SENDER.outcome(&[], Some("token=secret"), b"{}"), Ok(()));
}

#[test]
fn event_types_fire_resolve_or_are_ignored() {
    let cases = [
        ("incident.triggered", "triggered", Some(AlertStatus::Firing)),
        ("incident.reopened", "triggered", Some(AlertStatus::Firing)),
        ("incident.resolved", "resolved", Some(AlertStatus::Resolved)),
        ("incident.acknowledged", "acknowledged", None),
        ("incident.unacknowledged", "triggered", None),
        ("incident.escalated", "triggered", None),
        ("incident.priority_updated", "triggered", None),
        ("incident.something_new", "triggered", Some(AlertStatus::Firing)),
        ("incident.something_new", "resolved", Some(AlertStatus::Resolved)),
        ("incident.something_new", "acknowledged", None),
        ("", "", Some(AlertStatus::Firing)),
        ("service.updated", "triggered", None),
        ("pagey.ping", "", None),
    ];
    for (word, state, expected) in cases {
        assert_eq!(SENDER.status(&incident(word, state)), expected, "{word} {state}");
    }
}

#[test]
fn incident_is_read_completely_and_its_priority_comes_before_its_urgency() {
    let found = SENDER.event(&incident("incident.triggered", "triggered"));
    assert_eq!((&*found.title, &*found.deduplication_key), ("T", "P1"));
    assert_eq!((found.description.as_deref(), found.priority.as_deref()), (Some("Shop"), Some("low")));
    assert_eq!(found.source_url.as_deref(), Some("https://x.pagerduty.com/incidents/P1"));

    let mut with = incident("incident.triggered", "triggered");
    with["event"]["data"]["priority"] = json!({"summary": "P2"});
    assert_eq!(SENDER.event(&with).priority.as_deref(), Some("P2"));
}

#[test]
fn messages_of_the_old_versions_are_read_one_by_one() {
    let body = json!({"messages": [
        {"event": "incident.trigger", "created_on": "2026-03-02T04:11:30Z", "incident": {"id": "P1", "title": "A"}},
        {"type": "incident.acknowledge", "data": {"incident": {"id": "P1"}}},
        {"type": "incident.resolve", "data": {"incident": {"id": "P1", "trigger_summary_data": {"subject": "A"}}}},
        {"type": "incident.trigger", "data": {"incident": {}}},
    ]});

    let parsed = SENDER.parse(&body);

    let found: Vec<_> = parsed.events.iter().map(|event| (event.status.name(), &*event.title)).collect();
    assert_eq!(found, [("firing", "A"), ("resolved", "A")]);
    assert_eq!(parsed.unreadable.unwrap().count, 1);
}

#[test]
fn requests_for_the_events_api_are_read() {
    let trigger = json!({"routing_key": "r", "event_action": "trigger", "dedup_key": "k",
        "payload": {"summary": "Disk full", "source": "db-1", "severity": "critical"}});
    let found = SENDER.event(&trigger);
    assert_eq!((&*found.title, &*found.deduplication_key), ("Disk full", "k"));
    assert_eq!((found.description.as_deref(), found.priority.as_deref()), (Some("db-1"), Some("critical")));

    assert_eq!(
        SENDER.status(&json!({"event_action": "resolve", "dedup_key": "k"})),
        Some(AlertStatus::Resolved)
    );
    assert_eq!(SENDER.status(&json!({"event_action": "acknowledge", "dedup_key": "k"})), None);
}

#[test]
fn unknown_object_is_reported_and_not_refused() {
    for body in [json!({}), json!({"event": {"event_type": "incident.triggered", "data": {}}})] {
        assert!(
            matches!(
                SENDER.parse(&body).unreadable.unwrap().reason,
                UnreadableReason::UnexpectedShape { .. }
            ),
            "{body}"
        );
    }
}
