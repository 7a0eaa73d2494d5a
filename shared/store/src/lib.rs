//! DynamoDB and queue sending.
//!
//! `table` is the only module that spells a key; `commit` the only one that writes several things at once.

mod alert;
mod api_key;
mod attached;
mod audit;
mod choice;
mod claim;
mod commit;
mod config;
mod error;
mod escalation;
mod expiry;
mod group;
mod heartbeat;
mod idempotency;
mod incident;
mod index;
mod intake;
mod item;
mod key;
mod monthly;
mod note;
mod notification;
mod outbox;
mod pinned;
mod queue;
mod record;
mod session;
mod slack;
mod table;
mod update;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use machine::Observe;

pub use audit::AuditPage;
pub use choice::Choices;
pub use claim::Claimed;
pub use commit::Commit;
pub use heartbeat::Pinged;

pub use error::StoreError;
pub use escalation::EscalationStory;
pub use idempotency::IdempotentKind;
pub use index::{DueRow, Listed, Order};
pub use key::KeyTouch;
pub use outbox::{Entry, Undecodable, outbox_of, stored};
pub use queue::{Outgoing, QueueError, Queues};
pub use record::{History, Record};
pub use update::{UpdatePage, UpdateRow};

/// The table, with the observer of its transitions.
#[derive(Clone)]
pub struct Store {
    dynamo: Client,
    table: Arc<str>,
    observe: Arc<dyn Observe>,
}

impl Store {
    /// Opens the store on a table.
    pub fn new(dynamo: Client, table: impl Into<Arc<str>>, observe: Arc<dyn Observe>) -> Self {
        Self { dynamo, table: table.into(), observe }
    }
}
