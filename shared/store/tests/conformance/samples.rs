//! Things to store.

use domain::Identity;
use domain::alert::key::{EventFacts, KeyRow};
use domain::alert::{Alert, AlertState, AlertStatus, Routing};
use domain::escalation::{Escalation, EscalationState, PathRef};
use domain::followers::Followers;
use domain::id::{AlertId, EscalationId, EventId, OrgId, SourceId, UserId};
use domain::job::due::due_at;
use domain::job::lease::Attempts;
use domain::notification::{Notification, NotificationState};
use domain::source::SourceKind;
use domain::trace::Trace;
use domain::user::{MethodType, Urgency};
use jiff::{SignedDuration, Timestamp};
use machine::{Head, Stateful, Transition};

/// A moment in 2026, in milliseconds.
pub(crate) const NOON: i64 = 1_795_003_200_000;

/// A time, in seconds after noon.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millisecond(NOON).unwrap() + SignedDuration::from_secs(seconds)
}

/// The organisation.
pub(crate) fn org() -> OrgId {
    OrgId::new(at(0), 1)
}

/// A source.
pub(crate) fn source() -> SourceId {
    SourceId::new(at(0), 2)
}

/// A trace.
pub(crate) fn trace() -> Trace {
    Trace::begin(7)
}

/// The beginning of an escalation that pages at once, and whose level's time is up after five minutes.
pub(crate) fn escalation(number: u128) -> Transition<Escalation> {
    let escalation = Escalation {
        head: Head::stored(EscalationState::Triggered, 0),
        org: org(),
        id: EscalationId::new(at(0), number),
        title: format!("Disk {number} is full"),
        description: None,
        url: None,
        plan: PathRef::Fallback,
        level: 0,
        cycle: 0,
        due: Some(at(300)),
        alert: None,
        group: None,
        incident: None,
        followers: Followers::default(),
        auto_cancel: true,
        creator: Identity::system("test"),
        created_at: at(0),
        updated_at: at(0),
        trace: trace(),
    };
    due_at(escalation.born(EscalationState::Triggered, at(0)).unwrap().because("test", "began"), at(300))
}

/// A notification of an escalation that is to be sent.
pub(crate) fn notification(escalation: &Escalation, id: &str) -> Transition<Notification> {
    let notification = Notification {
        head: Head::stored(NotificationState::Pending, 0),
        org: escalation.org,
        escalation: escalation.id,
        id: id.to_owned(),
        cycle: escalation.cycle,
        user: UserId::new(at(0), 3),
        method_type: MethodType::Email,
        address: "ada@example.com".to_owned(),
        secret: None,
        urgency: Urgency::High,
        title: escalation.title.clone(),
        url: None,
        attempts: Attempts::first(at(0)),
        message: None,
        trace: trace(),
    };
    due_at(notification.born(NotificationState::Pending, at(0)).unwrap(), at(0))
}

/// The beginning of an alert.
pub(crate) fn alert(number: u128) -> Transition<Alert> {
    let alert = Alert {
        head: Head::stored(AlertState::Firing, 0),
        org: org(),
        id: AlertId::new(at(0), number),
        source: source(),
        kind: SourceKind("http".to_owned()),
        title: format!("Disk {number} is full"),
        key: "key".to_owned(),
        created_at: at(0),
        started_at: at(0),
        resolved_at: None,
        incident: None,
        escalations: Vec::new(),
        group: None,
        routing: Routing::Routed,
        due: None,
        tags: Vec::new(),
        notes: 0,
        trace: trace(),
    };
    alert.born(AlertState::Firing, at(0)).unwrap()
}

/// What matters of an event at a time.
pub(crate) fn event(number: u128, status: AlertStatus, seconds: i64, content: &str) -> EventFacts {
    EventFacts {
        event: EventId::new(at(seconds), number),
        status,
        at: at(seconds),
        received_at: at(seconds),
        began: None,
        content: content.to_owned(),
    }
}

/// What is known of a key after its first event.
pub(crate) fn key_row(first: &EventFacts) -> KeyRow {
    KeyRow::after(None, first, Some(AlertId::new(at(0), 1)))
}
