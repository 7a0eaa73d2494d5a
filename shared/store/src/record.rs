//! How a machine is stored: its head, its history, its entries in the indexes, its outbox.

use aws_sdk_dynamodb::types::ConditionCheck;
use aws_sdk_dynamodb::types::builders::ConditionCheckBuilder;
use domain::Timestamp;
use domain::alert::Alert;
use domain::escalation::{Escalation, EscalationState};
use domain::event::Event;
use domain::incident::Incident;
use domain::job::Job;
use domain::job::due::Scheduled;
use domain::job::lease::Leased;
use domain::notification::Notification;
use domain::sign_in::SignIn;
use domain::slack::Step;
use domain::source::Source;
use domain::source::backfill::Backfill;
use domain::source::heartbeat::Heartbeat;
use domain::subscriber::FollowedTransition;
use machine::{State, Stateful, Transition};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::item::{self, Item, key_item, n, s};
use crate::table::{self, Key};
use crate::update;

/// A machine that is stored in the table.
pub trait Record:
    Stateful<Event = Event, Note: Serialize + DeserializeOwned> + Serialize + DeserializeOwned
{
    /// The keys of its head and its history.
    #[doc(hidden)]
    fn place(&self) -> Place;

    /// Its entries in the indexes.
    #[doc(hidden)]
    fn index(&self) -> Index;

    /// The condition under which its job may be claimed.
    #[doc(hidden)]
    fn fence(&self) -> Option<Fence> {
        None
    }

    /// The transition as subscribers know it, if they react to it: the same write then holds their jobs.
    #[doc(hidden)]
    fn changed(_step: &Transition<Self>) -> Option<FollowedTransition<'_>> {
        None
    }

    /// A row that leads to the transition, written in the same write.
    #[doc(hidden)]
    fn leads(_step: &Transition<Self>) -> Option<Result<Item, StoreError>> {
        None
    }
}

/// The keys of a record.
#[derive(Debug)]
pub struct Place {
    /// The key of the head.
    pub(crate) head: Key,
    /// The key of the history row of a version.
    pub(crate) history: fn(&Key, u64) -> Key,
    /// Whether the history is in the head itself. Then a history row is written only to carry events.
    pub(crate) in_place: bool,
}

/// A record's entries in the indexes.
#[derive(Debug, Default)]
pub struct Index {
    list: Option<(String, String)>,
    pub(crate) due: Option<(Job, Timestamp)>,
}

impl Index {
    fn listed(mut self, partition: String, sort: String) -> Self {
        self.list = Some((partition, sort));
        self
    }

    fn due(mut self, job: Job, at: Option<Timestamp>) -> Self {
        self.due = at.map(|at| (job, at));
        self
    }
}

/// A condition on another item under which a job may be claimed.
#[derive(Debug)]
pub struct Fence {
    /// The other item.
    on: Key,
    /// The states that it may be in.
    states: Vec<&'static str>,
    /// Its attributes that must have these values.
    same: Vec<(&'static str, u64)>,
}

impl Fence {
    /// The condition of a transaction.
    pub(crate) fn check(&self) -> ConditionCheckBuilder {
        let mut check = ConditionCheck::builder()
            .set_key(Some(key_item(&self.on)))
            .expression_attribute_names("#state", "state");
        let mut states = Vec::new();
        for state in &self.states {
            let value = format!(":{state}");
            check = check.expression_attribute_values(&value, s(*state));
            states.push(value);
        }
        let mut conditions = vec![format!("#state IN ({})", states.join(", "))];
        for (n_th, (name, value)) in self.same.iter().enumerate() {
            check = check
                .expression_attribute_names(format!("#same{n_th}"), *name)
                .expression_attribute_values(format!(":same{n_th}"), n(*value));
            conditions.push(format!("#same{n_th} = :same{n_th}"));
        }
        check.condition_expression(conditions.join(" AND "))
    }
}

/// One row of a record's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History<N = ()> {
    /// The version that it made.
    pub version: u64,
    /// The state that it came from; `None` at the creation.
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
    /// The note about the transition.
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
    if let Some((job, at)) = index.due {
        item.insert(table::DUE_PK.to_owned(), s(table::due_partition(table::due_shard(&job))));
        item.insert(table::DUE_SK.to_owned(), s(table::due_sort(at)));
    }
    Ok(item)
}

impl Record for Alert {
    fn place(&self) -> Place {
        Place { head: table::key_of(&self.job()), history: Key::history, in_place: false }
    }

    fn index(&self) -> Index {
        let partition = table::list_partition(self.org, "ALERT", self.id.shard(table::LIST_SHARDS));
        Index::default().listed(partition, self.id.to_string()).due(self.job(), self.due)
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

    fn changed(step: &Transition<Self>) -> Option<FollowedTransition<'_>> {
        Some(FollowedTransition::Incident(step))
    }

    fn leads(step: &Transition<Self>) -> Option<Result<Item, StoreError>> {
        update::row_of(step)
    }
}

impl Record for Escalation {
    fn place(&self) -> Place {
        Place { head: table::key_of(&self.job()), history: Key::history, in_place: false }
    }

    fn index(&self) -> Index {
        // Escalations that need a person have their own list: finding them costs the same however many have ended.
        let kind =
            if self.head.state().notifies() { table::OPEN_ESCALATIONS } else { table::ANSWERED_ESCALATIONS };
        let partition = table::list_partition(self.org, kind, self.id.shard(table::LIST_SHARDS));
        Index::default().listed(partition, self.id.to_string()).due(self.job(), self.due)
    }

    fn changed(step: &Transition<Self>) -> Option<FollowedTransition<'_>> {
        Some(FollowedTransition::Escalation(step))
    }
}

impl Record for Step {
    fn place(&self) -> Place {
        Place {
            head: table::key_of(&self.job()),
            history: |head, version| table::slack_history_of(head, version),
            in_place: true,
        }
    }

    fn index(&self) -> Index {
        Index::default().due(self.job(), self.found_at())
    }
}

impl Record for Notification {
    fn place(&self) -> Place {
        Place {
            head: table::key_of(&self.job()),
            history: |head, version| table::notification_history_of(head, version),
            in_place: true,
        }
    }

    fn index(&self) -> Index {
        Index::default().due(self.job(), self.found_at())
    }

    /// Nobody has acknowledged the escalation, and it notifies for the same cycle.
    fn fence(&self) -> Option<Fence> {
        let states = EscalationState::ALL.iter().filter(|state| state.notifies());
        Some(Fence {
            on: table::escalation(self.org, self.escalation),
            states: states.map(|state| state.name()).collect(),
            same: vec![("cycle", self.cycle.into())],
        })
    }
}

impl Record for SignIn {
    fn place(&self) -> Place {
        Place { head: table::key_of(&self.job()), history: Key::history, in_place: true }
    }

    fn index(&self) -> Index {
        Index::default().due(self.job(), self.found_at())
    }
}

impl Record for Heartbeat {
    fn place(&self) -> Place {
        Place {
            head: table::key_of(&self.job()),
            history: |head, version| table::heartbeat_history_of(head, version),
            in_place: true,
        }
    }

    fn index(&self) -> Index {
        Index::default().due(self.job(), self.due)
    }
}

impl Record for Backfill {
    fn place(&self) -> Place {
        Place {
            head: table::key_of(&self.job()),
            history: |head, version| table::backfill_history_of(head, version),
            in_place: true,
        }
    }

    fn index(&self) -> Index {
        Index::default().due(self.job(), self.due)
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
