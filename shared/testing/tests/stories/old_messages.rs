//! Queue messages, outbox rows and derived ids of an older version: every kind is read, and written as it was.

use domain::event::Event;
use domain::id::{
    AlertId, ApiKeyId, AttributeId, AuditId, EscalationId, EventId, HistoryId, IncidentId, MethodId,
    MilestoneId, NoteId, OrgId, PathId, RoleId, RouteId, RuleId, SeverityId, SignInId, SourceId, StatusId,
    TypeId, UpdateId, UserId,
};
use domain::message::{AlertMessage, Envelope, EscalationMessage, NotificationMessage, Queue};
use domain::slack::SlackMessage;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use testing::old_data::fixture;

/// A JSON file of the fixture.
fn file(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(fixture().join(name)).unwrap()).unwrap()
}

/// Whether everything that the old version wrote is in what is written today; more may be.
fn holds(written: &Value, old: &Value) -> bool {
    match (written, old) {
        (Value::Object(written), Value::Object(old)) => {
            old.iter().all(|(name, old)| written.get(name).is_some_and(|written| holds(written, old)))
        }
        (Value::Array(written), Value::Array(old)) => {
            written.len() == old.len() && written.iter().zip(old).all(|(written, old)| holds(written, old))
        }
        _ => written == old,
    }
}

/// Reads the body of a message as its function does, and holds that a function of the old version can read it again.
#[track_caller]
fn is_read_and_written_as<T: DeserializeOwned + Serialize>(name: &str, old: &Value, written_as: &Value) {
    let read = serde_json::from_str::<T>(&old.to_string());
    let read = read.unwrap_or_else(|error| panic!("{name} is not read: {error}: {old}"));
    let written = serde_json::to_value(&read).unwrap();
    assert!(holds(&written, written_as), "{name} was\n{written_as}\nand is written as\n{written}");
}

#[test]
fn every_message_of_the_old_version_is_read_and_written_as_it_was() {
    let messages = file("messages.json");
    for &queue in Queue::ALL {
        // The rescue has the messages of the queue whose dead letters it takes.
        if queue == Queue::AlertRescue {
            continue;
        }
        let of_queue = messages[queue.name()].as_object();
        let of_queue = of_queue.unwrap_or_else(|| panic!("the fixture has no message of `{}`", queue.name()));
        for (name, old) in of_queue {
            let alias = name == "alert_resolved_of_a_version_before";
            let written_as = if alias { &of_queue["alert"] } else { old };
            match queue {
                Queue::AlertHandle | Queue::AlertRescue => {
                    is_read_and_written_as::<Envelope<AlertMessage>>(name, old, written_as);
                }
                Queue::EscalationTick => {
                    is_read_and_written_as::<Envelope<EscalationMessage>>(name, old, written_as);
                }
                Queue::NotificationSend => {
                    is_read_and_written_as::<Envelope<NotificationMessage>>(name, old, written_as);
                }
                Queue::SlackWork => is_read_and_written_as::<Envelope<SlackMessage>>(name, old, written_as),
                Queue::MailReceive => {
                    // Only what SES says of a mail is read; nobody writes it.
                    is_read_and_written_as::<mail::MailNotification>(name, old, &serde_json::json!({}));
                }
            }
        }
    }
}

#[test]
fn every_outbox_row_of_the_old_version_gives_its_events_and_is_written_as_it_was() {
    let rows = file("outbox.json");
    for (name, row) in rows.as_object().unwrap() {
        let image: serde_dynamo::Item = serde_json::from_value(row.clone()).unwrap();
        let events = store::outbox_of(image).unwrap_or_else(|error| panic!("{name}: {error}"));
        let stored: Value = serde_json::from_str(row["outbox"]["S"].as_str().unwrap()).unwrap();
        let stored = stored.as_array().unwrap();
        assert_eq!(events.len(), stored.len(), "{name}");
        for ((trace, event), stored) in events.iter().zip(stored) {
            assert_eq!(trace.to_string(), row["trace"]["S"].as_str().unwrap(), "{name}");
            let written = serde_json::to_value(event).unwrap();
            if *stored == "this_page_is_due" {
                assert_eq!(written["page_due"]["page"]["id"], row["id"]["S"], "{name}: {written}");
                assert_eq!(written["page_due"]["page"]["address"], row["address"]["S"], "{name}: {written}");
            } else {
                assert!(holds(&written, &stored["event"]), "{name} was\n{stored}\nand is\n{written}");
            }
            let again: Event = serde_json::from_str(&written.to_string()).unwrap();
            assert_eq!(serde_json::to_value(&again).unwrap(), written, "{name}");
        }
    }
}

/// Ids that are derived of what caused them are the same in every version: a message that comes again makes nothing twice.
#[test]
fn derived_ids_are_those_of_the_old_version() {
    let at = Timestamp::from_millisecond(1_795_435_200_123).unwrap();
    let old = file("derived-ids.json");
    macro_rules! derived {
        ($($name:literal => $id:ident,)*) => {
            [$(($name, $id::derived(at, "a cause").to_string())),*]
        };
    }
    // The names are those of the old version, whatever the types are called today.
    let today = derived! {
        "AlertId" => AlertId,
        "ApiKeyId" => ApiKeyId,
        "AttributeId" => AttributeId,
        "AuditId" => AuditId,
        "EscalationId" => EscalationId,
        "EventId" => EventId,
        "HistoryId" => HistoryId,
        "IncidentId" => IncidentId,
        "MethodId" => MethodId,
        "MilestoneId" => MilestoneId,
        "NoteId" => NoteId,
        "OrgId" => OrgId,
        "PathId" => PathId,
        "RoleId" => RoleId,
        "RouteId" => RouteId,
        "RuleId" => RuleId,
        "SeverityId" => SeverityId,
        "SignInId" => SignInId,
        "SourceId" => SourceId,
        "StatusId" => StatusId,
        "TypeId" => TypeId,
        "UpdateId" => UpdateId,
        "UserId" => UserId,
    };

    assert_eq!(today.len(), old.as_object().unwrap().len());
    for (name, id) in today {
        assert_eq!(old[name], id, "{name} is derived otherwise than before");
    }
}
