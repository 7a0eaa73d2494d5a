//! Zendesk: two kinds of webhooks, and a signature with the time.

use domain::alert::AlertStatus;
use http::HeaderMap;
use serde_json::{Value, json};
use sources::{Delivery, UnreadableReason, VerifyError};

use crate::support::{NOW, Sender};

const SENDER: Sender = Sender("zendesk");

fn changed(kind: &str, current: &str) -> Value {
    json!({"account_id": 22, "type": format!("zen:event-type:{kind}"), "subject": "zen:ticket:7",
        "time": "2026-03-02T04:11:30.789012345Z", "event": {"current": current, "previous": "OPEN"},
        "detail": {"id": "7", "subject": "T", "status": current, "priority": null, "description": "D"}})
}

#[test]
fn signature_covers_the_time_and_is_valid_for_a_while() {
    let source = sources::get("zendesk").unwrap();
    let mut headers = HeaderMap::new();
    source.sign(&mut headers, b"{}", &"secret".into(), NOW);
    let at = |seconds| {
        let delivery = Delivery {
            path: "",
            headers: &headers,
            query: None,
            body: b"{}",
            now: NOW + jiff::SignedDuration::from_secs(seconds),
        };
        source.verify(&delivery, &"secret".into(), None).map(|_| ())
    };

    assert_eq!(headers["x-zendesk-webhook-signature-timestamp"], "2026-11-23T12:00:00Z");
    assert_eq!((at(299), at(-299)), (Ok(()), Ok(())));
    assert_eq!((at(301), at(-301)), (Err(VerifyError::Stale), Err(VerifyError::Stale)));
}

#[test]
fn token_is_sufficient_although_zendesk_signs_with_an_unknown_secret() {
    let foreign = ("x-zendesk-webhook-signature", "zvnwc6E94d677vBFSed+gjvcEq7zlTDijVo1HgdM3H0=");
    let time = ("x-zendesk-webhook-signature-timestamp", "2026-11-23T12:00:00Z");

    assert_eq!(SENDER.outcome(&[foreign, time, ("authorization", "Bearer secret")], None, b"{}"), Ok(()));
    assert_eq!(SENDER.outcome(&[foreign, time], Some("token=secret"), b"{}"), Ok(()));
    assert_eq!(SENDER.outcome(&[foreign, time], None, b"{}"), Err(VerifyError::Wrong));
    assert_eq!(SENDER.outcome(&[foreign], None, b"{}"), Err(VerifyError::Wrong));
    assert_eq!(
        SENDER.outcome(&[foreign, ("authorization", "Bearer x")], None, b"{}"),
        Err(VerifyError::Wrong)
    );
}

#[test]
fn events_of_a_ticket_fire_resolve_or_are_ignored() {
    let cases = [
        ("ticket.created", "NEW", Some(AlertStatus::Firing)),
        ("ticket.status_changed", "OPEN", Some(AlertStatus::Firing)),
        ("ticket.status_changed", "NEW", Some(AlertStatus::Firing)),
        ("ticket.status_changed", "SOMETHING", Some(AlertStatus::Firing)),
        ("ticket.status_changed", "SOLVED", Some(AlertStatus::Resolved)),
        ("ticket.status_changed", "CLOSED", Some(AlertStatus::Resolved)),
        ("ticket.status_changed", "DELETED", Some(AlertStatus::Resolved)),
        ("ticket.status_changed", "PENDING", None),
        ("ticket.status_changed", "HOLD", None),
        ("ticket.soft_deleted", "OPEN", Some(AlertStatus::Resolved)),
        ("ticket.priority_changed", "OPEN", None),
        ("user.active_changed", "OPEN", None),
    ];
    for (kind, current, expected) in cases {
        assert_eq!(SENDER.status(&changed(kind, current)), expected, "{kind} {current}");
    }
    let found = SENDER.event(&changed("ticket.created", "NEW"));
    assert_eq!((&*found.deduplication_key, &*found.title), ("22:7", "T"));
    assert_eq!((found.priority, found.occurred_at.is_some()), (None, true));
}

#[test]
fn known_statuses_of_a_trigger_resolve_the_alert() {
    let cases = [
        ("Open", Some(AlertStatus::Firing)),
        ("New", Some(AlertStatus::Firing)),
        ("Offen", Some(AlertStatus::Firing)),
        ("Solved", Some(AlertStatus::Resolved)),
        ("closed", Some(AlertStatus::Resolved)),
        ("Pending", None),
        ("On-hold", None),
    ];
    for (word, expected) in cases {
        assert_eq!(
            SENDER.status(&json!({"ticket_id": "7", "title": "T", "status": word})),
            expected,
            "{word}"
        );
    }
    assert_eq!(SENDER.status(&json!({"ticket_id": "7"})), Some(AlertStatus::Firing));
    assert_eq!(
        SENDER.status(&json!({"id": 7, "event_type": "resolve", "status": "New"})),
        Some(AlertStatus::Resolved)
    );
}

#[test]
fn link_without_a_scheme_is_dropped() {
    let body = json!({"ticket_id": "7", "ticket_url": "x.zendesk.com/agent/tickets/7", "link": "https://x.zendesk.com/agent/tickets/7"});

    assert_eq!(SENDER.event(&body).source_url.as_deref(), Some("https://x.zendesk.com/agent/tickets/7"));
}

#[test]
fn ticket_without_a_number_is_reported() {
    for body in [json!({"title": "T"}), json!({"type": "zen:event-type:ticket.created"})] {
        assert!(
            matches!(
                SENDER.parse(&body).unreadable.unwrap().reason,
                UnreadableReason::UnexpectedShape { .. }
            ),
            "{body}"
        );
    }
}
