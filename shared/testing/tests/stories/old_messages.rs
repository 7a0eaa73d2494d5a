//! Queue messages, outbox rows and derived ids of an older version: every kind is read, and written as it was.

use app::worker::{AlertRequest, NotificationRequest};
use domain::id::{
    AlertId, ApiKeyId, AttributeId, AuditId, EscalationId, EventId, HistoryId, IncidentId, MethodId,
    MilestoneId, NoteId, OrgId, PathId, RoleId, RouteId, RuleId, SeverityId, SignInId, SourceId, StatusId,
    TypeId, UpdateId, UserId,
};
use domain::job::{AlertJob, EscalationJob, NotificationJob, SlackJob};
use domain::message::{Envelope, Queue};
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

/// Reads a message as its function does, as a job or else as a request, and holds that a function of the old version can
/// read it again.
#[track_caller]
fn is_read_and_written_as<J, R>(name: &str, old: &Value, written_as: &Value)
where
    J: DeserializeOwned + Serialize,
    R: DeserializeOwned + Serialize,
{
    let body = old.to_string();
    let job = serde_json::from_str::<Envelope<J>>(&body).map(|read| serde_json::to_value(&read).unwrap());
    let read = job.or_else(|_| {
        serde_json::from_str::<Envelope<R>>(&body).map(|read| serde_json::to_value(&read).unwrap())
    });
    let written = read.unwrap_or_else(|error| panic!("{name} is not read: {error}: {old}"));
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
                    is_read_and_written_as::<AlertJob, AlertRequest>(name, old, written_as);
                }
                Queue::EscalationTick => {
                    is_read_and_written_as::<EscalationJob, EscalationJob>(name, old, written_as);
                }
                Queue::NotificationSend => {
                    is_read_and_written_as::<NotificationJob, NotificationRequest>(name, old, written_as);
                }
                Queue::SlackWork => is_read_and_written_as::<SlackJob, SlackMessage>(name, old, written_as),
                Queue::MailReceive => {
                    // SES writes it, and it has no envelope.
                    let read = serde_json::from_value::<mail::MailNotification>(old.clone());
                    assert!(read.is_ok(), "{name} is not read: {old}");
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
        let stored: Value = serde_json::from_str(row["outbox"]["S"].as_str().unwrap()).unwrap();
        // The old version sent no message for these events either.
        let is_received = |stored: &&Value| {
            let event = &stored["event"];
            let has_timer =
                event["escalation_triggered"].is_null() || !event["escalation_triggered"]["due"].is_null();
            event["incident_changed"].is_null() && has_timer
        };
        let stored: Vec<&Value> = stored.as_array().unwrap().iter().filter(is_received).collect();
        let entries = store::outbox_of(&image);
        assert_eq!(entries.len(), stored.len(), "{name}");
        for (entry, stored) in entries.into_iter().zip(stored) {
            let entry = entry.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(entry.trace.to_string(), row["trace"]["S"].as_str().unwrap(), "{name}");
            let item = entry.item.clone().unwrap_or_default();
            let mut written = store::stored(&entry.event, || item, Timestamp::MAX);
            if *stored == "this_page_is_due" {
                let page = &written["event"]["page_due"]["page"];
                assert_eq!(page["id"], row["id"]["S"], "{name}: {written}");
                assert_eq!(page["address"], row["address"]["S"], "{name}: {written}");
                continue;
            }
            if !stored["event"]["alert_joined"].is_null() {
                // The old version handles both alike.
                written = serde_json::json!({"event": {"alert_joined": written["event"]["alert_resolved"]}});
            }
            assert!(holds(&written, stored), "{name} was\n{stored}\nand is\n{written}");
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
