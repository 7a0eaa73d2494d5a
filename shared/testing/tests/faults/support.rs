//! What the tests share.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use embedded::{Embedded, QueueSpec, TABLE};
use testing::faults::{FaultPlan, Faults, story_clock};

/// A moment in 2026, in milliseconds.
pub(crate) const NOON: i64 = 1_795_000_000_000;

/// The URL of the queue `work`.
pub(crate) const WORK: &str = "http://embedded/queue/work";

/// A bundle with faults before it.
pub(crate) struct FaultyServices {
    pub(crate) embedded: Embedded,
    pub(crate) faults: Arc<Faults>,
    /// Clients that meet the faults.
    pub(crate) db: aws_sdk_dynamodb::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    /// A client that meets none.
    pub(crate) calm: aws_sdk_dynamodb::Client,
}

impl FaultyServices {
    /// Makes one; call it inside the runtime.
    pub(crate) fn new(plan: FaultPlan, seed: u64) -> Self {
        let clock = story_clock(NOON);
        let queue = |name: &str| QueueSpec {
            name: name.to_owned(),
            visibility_timeout_s: 30,
            max_receive_count: 3,
            dead_letter: None,
        };
        let embedded = Embedded::memory(vec![queue("work"), queue("other")], clock.clone()).unwrap();
        let faults = Faults::new(embedded.backend(), plan, seed, clock).unwrap();
        let (db, sqs) = (embedded::dynamodb(faults.clone()), embedded::sqs(faults.clone()));
        let calm = embedded::dynamodb(embedded.backend());
        Self { embedded, faults, db, sqs, calm }
    }

    /// Whether an item is really there.
    pub(crate) async fn is_there(&self, pk: &str) -> bool {
        let got = self.calm.get_item().table_name(TABLE).set_key(Some(key(pk))).send().await.unwrap();
        got.item.is_some()
    }
}

/// A text attribute.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A key of the table.
pub(crate) fn key(pk: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text("HEAD"))])
}

/// An item with one attribute.
pub(crate) fn item(pk: &str, by: &str) -> HashMap<String, AttributeValue> {
    let mut item = key(pk);
    item.insert("by".to_owned(), text(by));
    item
}

/// A put of a new item, for a transaction.
pub(crate) fn put_new(pk: &str, by: &str) -> TransactWriteItem {
    let put = Put::builder().table_name(TABLE).set_item(Some(item(pk, by)));
    let put = put.condition_expression("attribute_not_exists(pk)").build().unwrap();
    TransactWriteItem::builder().put(put).build()
}
