//! Units, by cases worked by hand from AWS's price list: a write unit for each started KB of the larger of the old
//! and the new item, twice that in a transaction; indexes apart, each by what it projects.

use std::sync::Arc;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Put, ReturnConsumedCapacity, TransactWriteItem, Update,
};
use embedded::{CountingBackend, Counts, Service, Snapshot, TABLE, UnitKind, UnitTarget};

use super::support::{item, key, memory, text};

/// A client whose units are counted.
struct Counted {
    client: aws_sdk_dynamodb::Client,
    counts: Arc<Counts>,
    last: Snapshot,
}

impl Counted {
    fn new() -> Self {
        let (embedded, _) = memory();
        let counts = Arc::new(Counts::default());
        let client = embedded::dynamodb(Arc::new(CountingBackend::new(embedded.backend(), counts.clone())));
        Self { client, counts, last: Snapshot::default() }
    }

    /// Units since it was last asked: read, written, written to indexes.
    fn units(&mut self) -> (f64, f64, f64) {
        let now = self.counts.snapshot();
        let since = now.since(&self.last);
        self.last = now;
        let total = |kind, arm| since.total(kind, arm);
        (
            total(UnitKind::Read, UnitTarget::Table),
            total(UnitKind::Write, UnitTarget::Table),
            total(UnitKind::Write, UnitTarget::Index),
        )
    }

    /// Puts an item with a filler of this many bytes.
    async fn put(&self, pk: &str, filler: usize, more: &[(&str, &str)]) {
        let mut item = item(pk, "1", more);
        item.insert("f".to_owned(), text("x".repeat(filler)));
        self.client.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
    }
}

/// An update in a transaction that sets the filler.
fn set_filler(pk: &str, bytes: usize) -> TransactWriteItem {
    let update = Update::builder()
        .table_name(TABLE)
        .set_key(Some(key(pk, "1")))
        .update_expression("SET f = :f")
        .expression_attribute_values(":f", text("x".repeat(bytes)))
        .build();
    TransactWriteItem::builder().update(update.unwrap()).build()
}

/// A check in a transaction that the item exists.
fn exists(pk: &str) -> TransactWriteItem {
    let check = ConditionCheck::builder()
        .table_name(TABLE)
        .set_key(Some(key(pk, "1")))
        .condition_expression("attribute_exists(pk)")
        .build();
    TransactWriteItem::builder().condition_check(check.unwrap()).build()
}

#[tokio::test]
async fn writes_are_charged_by_the_larger_of_old_and_new() {
    let mut counted = Counted::new();

    // Item size: pk 2 + 1, sk 2 + 1, f 1 + filler = 7 + filler bytes.
    counted.put("a", 1017, &[]).await;
    assert_eq!(counted.units(), (0.0, 1.0, 0.0), "1024 bytes are one unit");
    counted.put("a", 1018, &[]).await;
    assert_eq!(counted.units(), (0.0, 2.0, 0.0), "1025 bytes are two");
    counted.put("a", 3000, &[]).await;
    assert_eq!(counted.units(), (0.0, 3.0, 0.0));
    counted.put("a", 10, &[]).await;
    assert_eq!(counted.units(), (0.0, 3.0, 0.0), "shrinking costs what was there");
    counted.put("a", 10, &[]).await;
    assert_eq!(counted.units(), (0.0, 1.0, 0.0));
}

#[tokio::test]
async fn deletes_and_updates_are_charged_on_the_whole_item() {
    let mut counted = Counted::new();
    counted.put("a", 2500, &[]).await;
    counted.units();

    let update = counted.client.update_item().table_name(TABLE).set_key(Some(key("a", "1")));
    let one = AttributeValue::N("1".to_owned());
    update.update_expression("ADD hits :n").expression_attribute_values(":n", one).send().await.unwrap();
    assert_eq!(counted.units(), (0.0, 3.0, 0.0));
    counted.client.delete_item().table_name(TABLE).set_key(Some(key("a", "1"))).send().await.unwrap();
    assert_eq!(counted.units(), (0.0, 3.0, 0.0));
    counted.client.delete_item().table_name(TABLE).set_key(Some(key("a", "1"))).send().await.unwrap();
    assert_eq!(counted.units(), (0.0, 1.0, 0.0), "deleting nothing is one unit");
}

#[tokio::test]
async fn reads_are_charged_by_four_kilobytes_and_half_when_eventually_consistent() {
    let mut counted = Counted::new();
    counted.put("a", 5000, &[]).await;
    counted.units();
    let get = |pk: &str| counted.client.get_item().table_name(TABLE).set_key(Some(key(pk, "1")));
    let (strong, eventual, none) =
        (get("a").consistent_read(true).send(), get("a").send(), get("none").consistent_read(true).send());

    strong.await.unwrap();
    assert_eq!(counted.units().0, 2.0);
    eventual.await.unwrap();
    assert_eq!(counted.units().0, 1.0);
    none.await.unwrap();
    assert_eq!(counted.units().0, 1.0);
}

#[tokio::test]
async fn transactions_are_charged_twice_condition_checks_too() {
    let mut counted = Counted::new();
    counted.put("a", 1500, &[]).await;
    counted.put("b", 2500, &[]).await;
    counted.units();
    let new = Put::builder().table_name(TABLE).set_item(Some(item("c", "1", &[]))).build().unwrap();

    counted
        .client
        .transact_write_items()
        .transact_items(set_filler("a", 10))
        .transact_items(exists("b"))
        .transact_items(TransactWriteItem::builder().put(new).build())
        .client_request_token("t")
        .send()
        .await
        .unwrap();

    // 2 × (2 for the old `a` + 3 for `b` as checked + 1 for `c`).
    assert_eq!(counted.units(), (0.0, 12.0, 0.0));
}

#[tokio::test]
async fn a_replay_under_its_token_is_charged_as_a_read() {
    let mut counted = Counted::new();
    let send = |client: &aws_sdk_dynamodb::Client| {
        client.transact_write_items().transact_items(set_filler("a", 10)).client_request_token("t").send()
    };

    send(&counted.client).await.unwrap();
    assert_eq!(counted.units(), (0.0, 2.0, 0.0));
    send(&counted.client).await.unwrap();
    assert_eq!(counted.units(), (2.0, 0.0, 0.0));
}

#[tokio::test]
async fn indexes_are_charged_by_what_changes_in_them() {
    let mut counted = Counted::new();
    let due = [("dpk", "DUE#1"), ("dsk", "2026-01-01")];
    let listed = [("lpk", "org#alert"), ("lsk", "01J"), ("title", "t")];

    counted.put("a", 10, &due).await;
    assert_eq!(counted.units(), (0.0, 1.0, 1.0), "a new entry");
    counted.put("a", 3000, &due).await;
    assert_eq!(
        counted.units(),
        (0.0, 3.0, 0.0),
        "an attribute that an index does not project costs the index nothing"
    );
    counted.put("a", 10, &[("dpk", "DUE#1"), ("dsk", "2026-01-02")]).await;
    assert_eq!(counted.units(), (0.0, 3.0, 2.0), "a moved entry is a delete and a put");
    counted.put("a", 10, &[]).await;
    assert_eq!(counted.units(), (0.0, 1.0, 1.0), "a removed entry");
    counted.put("b", 10, &[due.as_slice(), listed.as_slice()].concat()).await;
    assert_eq!(counted.units(), (0.0, 1.0, 2.0), "one in each index");
    counted
        .put("b", 10, &[due.as_slice(), &[("lpk", "org#alert"), ("lsk", "01J"), ("title", "u")]].concat())
        .await;
    assert_eq!(counted.units(), (0.0, 1.0, 1.0), "a projected attribute changed");
}

#[tokio::test]
async fn the_transactions_factor_does_not_reach_indexes() {
    let mut counted = Counted::new();
    let new = item("a", "1", &[("dpk", "DUE#1"), ("dsk", "2026")]);
    let put = Put::builder().table_name(TABLE).set_item(Some(new)).build().unwrap();

    let action = TransactWriteItem::builder().put(put).build();
    counted.client.transact_write_items().transact_items(action).send().await.unwrap();

    assert_eq!(counted.units(), (0.0, 2.0, 1.0));
}

#[tokio::test]
async fn a_failed_condition_is_charged_by_the_larger_of_what_is_there_and_what_was_given() {
    let mut counted = Counted::new();
    counted.put("a", 2500, &[]).await;
    counted.units();
    let put = |pk: &str, filler: usize| {
        let mut item = item(pk, "1", &[]);
        item.insert("f".to_owned(), text("x".repeat(filler)));
        let put = counted.client.put_item().table_name(TABLE).set_item(Some(item));
        put.condition_expression("attribute_exists(nothing)").send()
    };
    let (small, large, fresh) = (put("a", 10), put("a", 4000), put("b", 1500));

    let error = small.await.unwrap_err().into_service_error();
    assert_eq!(counted.units(), (0.0, 3.0, 0.0));
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed) = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(failed.item, None, "the caller did not ask for the item");
    large.await.unwrap_err();
    assert_eq!(counted.units(), (0.0, 4.0, 0.0));
    fresh.await.unwrap_err();
    assert_eq!(counted.units(), (0.0, 2.0, 0.0));
}

#[tokio::test]
async fn a_cancelled_transaction_is_charged_too() {
    let mut counted = Counted::new();
    counted.put("there", 2500, &[]).await;
    counted.units();
    let put = |pk: &str| Put::builder().table_name(TABLE).set_item(Some(item(pk, "1", &[])));
    let free = put("c").build().unwrap();
    let taken = put("there").condition_expression("attribute_not_exists(pk)").build().unwrap();

    let error = counted
        .client
        .transact_write_items()
        .transact_items(TransactWriteItem::builder().put(free).build())
        .transact_items(TransactWriteItem::builder().put(taken).build())
        .transact_items(exists("nobody"))
        .send()
        .await
        .unwrap_err()
        .into_service_error();

    // 2 × (1 for `c` + 3 for the item that is there + 1 for none).
    assert_eq!(counted.units(), (0.0, 10.0, 0.0));
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { panic!("{error:?}") };
    assert_eq!(cancelled.cancellation_reasons()[1].item, None, "the caller did not ask for the item");
}

#[tokio::test]
async fn units_stay_in_the_answer_only_as_far_as_they_were_asked_for() {
    let counted = Counted::new();
    counted.put("a", 10, &[("dpk", "DUE#1"), ("dsk", "2026")]).await;
    let put = |mode: Option<ReturnConsumedCapacity>| {
        let item = item("a", "1", &[]);
        counted
            .client
            .put_item()
            .table_name(TABLE)
            .set_item(Some(item))
            .set_return_consumed_capacity(mode)
            .send()
    };
    let (none, total, indexes) =
        (put(None), put(Some(ReturnConsumedCapacity::Total)), put(Some(ReturnConsumedCapacity::Indexes)));

    assert_eq!(none.await.unwrap().consumed_capacity, None);
    let total = total.await.unwrap().consumed_capacity.unwrap();
    assert_eq!((total.capacity_units, total.table), (Some(1.0), None));
    let indexes = indexes.await.unwrap().consumed_capacity.unwrap();
    assert_eq!(indexes.table.unwrap().capacity_units, Some(1.0));
}

#[tokio::test]
async fn calls_are_counted_by_service_and_operation() {
    let (embedded, _) = memory();
    let counts = Arc::new(Counts::default());
    let wire: Arc<dyn embedded::AwsBackend> =
        Arc::new(CountingBackend::new(embedded.backend(), counts.clone()));
    let (dynamodb, sqs) = (embedded::dynamodb(wire.clone()), embedded::sqs(wire));

    dynamodb.get_item().table_name(TABLE).set_key(Some(key("a", "1"))).send().await.unwrap();
    dynamodb.get_item().table_name(TABLE).set_key(Some(key("b", "1"))).send().await.unwrap();
    sqs.send_message().queue_url("http://embedded/queue/work").message_body("a").send().await.unwrap();
    embedded.queues().receive("work", 1).unwrap();

    let snapshot = counts.snapshot();
    let counted: Vec<(Service, &str, u64)> = snapshot
        .requests
        .iter()
        .map(|((service, operation), n)| (*service, operation.as_str(), *n))
        .collect();
    assert_eq!(counted, [(Service::DynamoDb, "GetItem", 2), (Service::Sqs, "SendMessage", 1)]);
    assert_eq!(snapshot.calls(), 3);
}
