//! How a machine is kept: its head, its history, its entries in the indexes, its outbox.

use domain::Timestamp;
use domain::alert::Alert;
use domain::escalation::Escalation;
use domain::event::Event;
use domain::incident::Incident;
use domain::notification::{Notification, NotificationState};
use domain::sign_in::SignIn;
use domain::slack::step::{owed_by_escalation, owed_by_incident};
use domain::slack::{Step, StepState};
use domain::source::Source;
use domain::source::backfill::Backfill;
use domain::source::heartbeat::Heartbeat;
use machine::{State, Stateful, Transition};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::item::{self, Item, s};
use crate::table::{self, Key};
use crate::update;

/// A machine that the table keeps.
pub trait Record:
    Stateful<Event = Event, Note: Serialize + DeserializeOwned> + Serialize + DeserializeOwned
{
    /// Where its head is, and its history.
    #[doc(hidden)]
    fn place(&self) -> Place;

    /// Its entries in the indexes.
    #[doc(hidden)]
    fn index(&self) -> Index;

    /// What is owed to Slack because of a transition, in the same write: no verb can forget it.
    #[doc(hidden)]
    fn owed(_step: &Transition<Self>) -> Option<Transition<Step>> {
        None
    }

    /// A row that leads to a transition, in the same write: no verb can forget it either.
    #[doc(hidden)]
    fn leads(_step: &Transition<Self>) -> Option<Result<Item, StoreError>> {
        None
    }
}

/// Where a record is kept.
#[derive(Debug)]
pub struct Place {
    /// The head.
    pub(crate) head: Key,
    /// The history row of a version.
    pub(crate) history: fn(&Key, u64) -> Key,
    /// Whether the history is in the head itself, and rows are written only to carry events.
    pub(crate) in_place: bool,
}

/// A record's entries in the indexes.
#[derive(Debug, Default)]
pub struct Index {
    list: Option<(String, String)>,
    due: Option<(String, String)>,
}

impl Index {
    fn listed(mut self, partition: String, sort: String) -> Self {
        self.list = Some((partition, sort));
        self
    }

    fn due(mut self, shard: u8, at: Option<Timestamp>) -> Self {
        self.due = at.map(|at| (table::due_partition(shard), table::due_sort(at)));
        self
    }
}

/// One row of a record's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History<N = ()> {
    /// The version that it made.
    pub version: u64,
    /// The state that it came from; none at the creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The state that it went to.
    pub to: String,
    /// When.
    pub at: Timestamp,
    /// Who caused it.
    pub by: String,
    /// Why.
    pub why: String,
    /// What is kept of it beyond the states.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub note: Option<N>,
}

/// No note.
const fn none<N>() -> Option<N> {
    None
}

/// The item of a head, with its index entries.
pub(crate) fn head_item<M: Record>(record: &M) -> Result<Item, StoreError> {
    let mut item = item::write(M::MACHINE, &record.place().head, record)?;
    let index = record.index();
    if let Some((partition, sort)) = index.list {
        item.insert(table::LIST_PK.to_owned(), s(partition));
        item.insert(table::LIST_SK.to_owned(), s(sort));
    }
    if let Some((partition, sort)) = index.due {
        item.insert(table::DUE_PK.to_owned(), s(partition));
        item.insert(table::DUE_SK.to_owned(), s(sort));
    }
    Ok(item)
}

impl Record for Alert {
    fn place(&self) -> Place {
        Place { head: table::alert(self.org, self.id), history: Key::history, in_place: false }
    }

    fn index(&self) -> Index {
        let partition = table::list_partition(self.org, "ALERT", self.id.shard(table::LIST_SHARDS));
        Index::default()
            .listed(partition, self.id.to_string())
            .due(self.id.shard(table::DUE_SHARDS), self.due)
    }
}

impl Record for Incident {
    fn place(&self) -> Place {
        Place { head: table::incident(self.org, self.id), history: Key::history, in_place: false }
    }

    fn index(&self) -> Index {
        let partition = table::list_partition(self.org, "INCIDENT", self.id.shard(table::LIST_SHARDS));
        Index::default().listed(partition, self.id.to_string())
    }

    fn owed(step: &Transition<Self>) -> Option<Transition<Step>> {
        owed_by_incident(step)
    }

    fn leads(step: &Transition<Self>) -> Option<Result<Item, StoreError>> {
        update::row_of(step)
    }
}

impl Record for Escalation {
    fn place(&self) -> Place {
        Place { head: table::escalation(self.org, self.id), history: Key::history, in_place: false }
    }

    fn index(&self) -> Index {
        // What still needs somebody is listed apart: finding it costs the same however much is over.
        let kind =
            if self.head.state().notifies() { table::OPEN_ESCALATIONS } else { table::ANSWERED_ESCALATIONS };
        let partition = table::list_partition(self.org, kind, self.id.shard(table::LIST_SHARDS));
        Index::default()
            .listed(partition, self.id.to_string())
            .due(self.id.shard(table::DUE_SHARDS), self.due)
    }

    fn owed(step: &Transition<Self>) -> Option<Transition<Step>> {
        owed_by_escalation(step)
    }
}

impl Record for Step {
    fn place(&self) -> Place {
        Place {
            head: table::slack_step(self.org, &self.thread, &self.id),
            history: |head, version| table::slack_history_of(head, version),
            in_place: true,
        }
    }

    fn index(&self) -> Index {
        let waits = match self.head.state() {
            StepState::Pending | StepState::Doing => Some(self.slot),
            StepState::Done | StepState::Failed | StepState::Obsolete => None,
        };
        Index::default().due(self.thread.shard(table::DUE_SHARDS), waits)
    }
}

impl Record for Notification {
    fn place(&self) -> Place {
        Place {
            head: table::notification(self.org, self.escalation, &self.id),
            history: |head, version| table::notification_history_of(head, version),
            in_place: true,
        }
    }

    fn index(&self) -> Index {
        let waits = match self.head.state() {
            NotificationState::Pending | NotificationState::Sending => Some(self.slot),
            NotificationState::Delivered | NotificationState::Failed | NotificationState::Cancelled => None,
        };
        Index::default().due(self.escalation.shard(table::DUE_SHARDS), waits)
    }
}

impl Record for SignIn {
    fn place(&self) -> Place {
        Place { head: table::sign_in(self.id), history: Key::history, in_place: true }
    }

    fn index(&self) -> Index {
        Index::default().due(self.id.shard(table::DUE_SHARDS), self.due)
    }
}

impl Record for Heartbeat {
    fn place(&self) -> Place {
        Place {
            head: table::heartbeat(self.org, self.source),
            history: |head, version| table::heartbeat_history_of(head, version),
            in_place: true,
        }
    }

    fn index(&self) -> Index {
        Index::default().due(self.source.shard(table::DUE_SHARDS), self.due)
    }
}

impl Record for Backfill {
    fn place(&self) -> Place {
        Place {
            head: table::backfill(self.org, self.source),
            history: |head, version| table::backfill_history_of(head, version),
            in_place: true,
        }
    }

    fn index(&self) -> Index {
        Index::default().due(self.source.shard(table::DUE_SHARDS), self.due)
    }
}

impl Record for Source {
    fn place(&self) -> Place {
        Place {
            head: table::source(self.org, self.id),
            history: |head, version| table::source_history_of(head, version),
            in_place: false,
        }
    }

    fn index(&self) -> Index {
        Index::default()
    }
}

/// The names of a transition's ends, for the metric.
pub(crate) fn ends<S: State>(from: Option<S>, to: S) -> (&'static str, &'static str) {
    (from.map_or("none", State::name), to.name())
}
