//! The outbox: events on the item that was inserted with them, read again from the table's stream.
//!
//! Events keep the names by which older versions know them, so that an older relay can read a newer row during a
//! deployment. A job whose kind those versions do not know is written as `due`.

use domain::Timestamp;
use domain::alert::ReceivedEvent;
use domain::event::Event;
use domain::id::{AlertId, EscalationId, OrgId, SignInId, SourceId};
use domain::job::due::Scheduled;
use domain::job::{AlertJob, EscalationJob, Job, NotificationJob, SlackJob};
use domain::notification::Notification;
use domain::slack::{StepId, Thread};
use domain::trace::Trace;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::record::Record;

/// An entry of an outbox, as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stored {
    /// An event.
    Event(StoredEvent),
    /// The item that carries this is the notification that is due: it is not written twice.
    ThisPageIsDue,
}

/// An event, as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredEvent {
    EscalationTriggered {
        org: OrgId,
        escalation: EscalationId,
        due: Option<Timestamp>,
    },
    PageDue {
        page: Value,
    },
    AlertJoined {
        org: OrgId,
        alert: AlertId,
    },
    AlertResolved {
        org: OrgId,
        alert: AlertId,
    },
    SlackStepDue {
        org: OrgId,
        thread: Thread,
        step: StepId,
        due: Option<Timestamp>,
    },
    BackfillDue {
        org: OrgId,
        source: SourceId,
    },
    SourceTells {
        received: Box<ReceivedEvent>,
    },
    SignInAsked {
        id: SignInId,
    },
    /// An older version wrote it; nobody receives it.
    #[serde(skip_serializing)]
    IncidentChanged(IgnoredAny),
    Due {
        job: Job,
        at: Timestamp,
    },
}

/// An event of an outbox.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The trace that it belongs to.
    pub trace: Trace,
    /// The event.
    pub event: Event,
    /// The whole item, if the event is that the item is due and its message carries it.
    pub item: Option<Value>,
}

/// Writes the events of a transition into an outbox, which stands on the item itself or on a row of its history.
pub(crate) fn outbox<M: Record>(events: &[Event], after: &M, at: Timestamp, on_the_item: bool) -> String {
    let item = || serde_json::to_value(after).expect("an item consists of plain values");
    let stored: Vec<Value> = events
        .iter()
        .map(|event| match event {
            Event::Due { job: Job::NotificationSend(NotificationJob::Notification { .. }), .. }
                if on_the_item =>
            {
                serde_json::to_value(Stored::ThisPageIsDue).expect("a name is a plain value")
            }
            event => stored(event, item, at),
        })
        .collect();
    serde_json::to_string(&stored).expect("events consist of plain values")
}

/// An event as an outbox stores it, under the name that older versions know. `item` is the item that is due, and `at`
/// is when the event happens.
pub fn stored(event: &Event, item: impl FnOnce() -> Value, at: Timestamp) -> Value {
    let stored = match event.clone() {
        Event::Deliver(received) => StoredEvent::SourceTells { received },
        Event::Due { job, at: due } => match job {
            Job::EscalationTick(EscalationJob::EscalationLevel { org, escalation }) => {
                StoredEvent::EscalationTriggered { org, escalation, due: Some(due) }
            }
            Job::EscalationTick(EscalationJob::AlertSettle { org, alert }) => {
                StoredEvent::AlertResolved { org, alert }
            }
            Job::NotificationSend(NotificationJob::Notification { .. }) => {
                StoredEvent::PageDue { page: item() }
            }
            Job::SlackWork(SlackJob::SlackStep { org, thread, step }) => {
                StoredEvent::SlackStepDue { org, thread, step, due: Some(due) }
            }
            Job::AlertHandle(AlertJob::Backfill { org, source }) => StoredEvent::BackfillDue { org, source },
            // Older versions send this mail at once.
            Job::NotificationSend(NotificationJob::SignInMail { id }) if due <= at => {
                StoredEvent::SignInAsked { id }
            }
            job @ (Job::NotificationSend(NotificationJob::SignInMail { .. })
            | Job::AlertHandle(AlertJob::HeartbeatCheck { .. } | AlertJob::AlertExpiry { .. })) => {
                StoredEvent::Due { job, at: due }
            }
        },
    };
    serde_json::to_value(Stored::Event(stored)).expect("events consist of plain values")
}

/// An outbox, or an entry of one, that this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read an entry of an outbox: {0}")]
pub struct Undecodable(String);

impl Undecodable {
    fn because(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// The events that an inserted item carries. An entry that this version cannot read costs no other entry.
pub fn outbox_of(image: &serde_dynamo::Item) -> Vec<Result<Entry, Undecodable>> {
    /// What matters of an image.
    #[derive(Deserialize)]
    struct Carrier {
        outbox: Option<String>,
        trace: Option<Trace>,
    }

    let read = || -> Result<Option<(Vec<Value>, Trace)>, Undecodable> {
        let carrier: Carrier = serde_dynamo::from_item(image.clone()).map_err(Undecodable::because)?;
        let Some(text) = carrier.outbox else { return Ok(None) };
        let entries = serde_json::from_str(&text).map_err(Undecodable::because)?;
        let trace = carrier.trace.ok_or_else(|| Undecodable::because("it has no trace"))?;
        Ok(Some((entries, trace)))
    };
    match read() {
        Ok(None) => Vec::new(),
        Ok(Some((entries, trace))) => {
            entries.into_iter().filter_map(|entry| entry_of(entry, &trace, image).transpose()).collect()
        }
        Err(error) => vec![Err(error)],
    }
}

/// Reads an entry; `None` if nobody receives it.
fn entry_of(stored: Value, trace: &Trace, image: &serde_dynamo::Item) -> Result<Option<Entry>, Undecodable> {
    // What is not delayed is due at once, whenever that was.
    const AT_ONCE: Timestamp = Timestamp::UNIX_EPOCH;
    let due = |job: Job, at: Timestamp| Event::Due { job, at };
    let (event, item) = match serde_json::from_value(stored).map_err(Undecodable::because)? {
        Stored::ThisPageIsDue => {
            let notification: Notification =
                serde_dynamo::from_item(image.clone()).map_err(Undecodable::because)?;
            carried(&notification)?
        }
        Stored::Event(StoredEvent::PageDue { page }) => {
            carried(&serde_json::from_value::<Notification>(page).map_err(Undecodable::because)?)?
        }
        Stored::Event(
            StoredEvent::EscalationTriggered { due: None, .. } | StoredEvent::IncidentChanged(_),
        ) => {
            return Ok(None);
        }
        Stored::Event(StoredEvent::EscalationTriggered { org, escalation, due: Some(at) }) => {
            (due(EscalationJob::EscalationLevel { org, escalation }.into(), at), None)
        }
        Stored::Event(
            StoredEvent::AlertJoined { org, alert } | StoredEvent::AlertResolved { org, alert },
        ) => (due(EscalationJob::AlertSettle { org, alert }.into(), AT_ONCE), None),
        Stored::Event(StoredEvent::SlackStepDue { org, thread, step, due: at }) => {
            (due(SlackJob::SlackStep { org, thread, step }.into(), at.unwrap_or(AT_ONCE)), None)
        }
        Stored::Event(StoredEvent::BackfillDue { org, source }) => {
            (due(AlertJob::Backfill { org, source }.into(), AT_ONCE), None)
        }
        Stored::Event(StoredEvent::SignInAsked { id }) => {
            (due(NotificationJob::SignInMail { id }.into(), AT_ONCE), None)
        }
        Stored::Event(StoredEvent::SourceTells { received }) => (Event::Deliver(received), None),
        Stored::Event(StoredEvent::Due { job, at }) => (due(job, at), None),
    };
    Ok(Some(Entry { trace: trace.clone(), event, item }))
}

/// The event of a notification that is due, and the notification, which its message carries.
fn carried(notification: &Notification) -> Result<(Event, Option<Value>), Undecodable> {
    let at = notification.attempts.due.unwrap_or(Timestamp::UNIX_EPOCH);
    let item = serde_json::to_value(notification).map_err(Undecodable::because)?;
    Ok((Event::Due { job: notification.job(), at }, Some(item)))
}
