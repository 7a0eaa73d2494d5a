//! The behaviour of DynamoDB that the store relies on.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use futures_util::future::join_all;

use crate::subject::Subject;

type Item = HashMap<String, AttributeValue>;

/// How many writers race.
const MANY: usize = 20;

fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// An item with these attributes beside its key.
fn item(pk: &str, sk: &str, more: &[(&str, AttributeValue)]) -> Item {
    let mut item = Item::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))]);
    item.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    item
}

async fn put(subject: &Subject, item: Item) {
    subject.client.put_item().table_name(&subject.table).set_item(Some(item)).send().await.unwrap();
}

async fn get(subject: &Subject, pk: &str, sk: &str) -> Option<Item> {
    let get = subject.client.get_item().table_name(&subject.table).set_key(Some(item(pk, sk, &[])));
    get.consistent_read(true).send().await.unwrap().item
}

/// A put of an item that is not there yet, in a transaction.
fn put_new(subject: &Subject, item: Item) -> TransactWriteItem {
    let put = Put::builder()
        .table_name(&subject.table)
        .set_item(Some(item))
        .condition_expression("attribute_not_exists(pk)");
    TransactWriteItem::builder().put(put.build().unwrap()).build()
}

/// A token of the test's own: tests on one endpoint share the tokens of its account.
fn fresh_token() -> String {
    format!("{:032x}", fastrand::u128(..))
}

async fn transact(
    subject: &Subject,
    actions: Vec<TransactWriteItem>,
    token: &str,
) -> Result<(), TransactWriteItemsError> {
    let transaction = subject.client.transact_write_items().set_transact_items(Some(actions));
    let sent = transaction.client_request_token(token).send().await;
    sent.map(|_| ()).map_err(|error| error.into_service_error())
}

pub(crate) async fn new_item_is_put_once(subject: &Subject) {
    let new = |by: &str| {
        let put = subject.client.put_item().table_name(&subject.table);
        put.set_item(Some(item("a", "HEAD", &[("by", s(by))])))
            .condition_expression("attribute_not_exists(pk)")
            .send()
    };

    new("first").await.unwrap();
    let refused = new("second").await.unwrap_err().into_service_error();

    assert!(refused.is_conditional_check_failed_exception(), "{refused}");
    assert_eq!(get(subject, "a", "HEAD").await.unwrap()["by"], s("first"));
    assert_eq!(get(subject, "a", "ANOTHER").await, None);
}

pub(crate) async fn refused_condition_shows_the_item_that_is_there(subject: &Subject) {
    put(subject, item("a", "HEAD", &[("version", n(3)), ("by", s("somebody"))])).await;
    let update = |pk: &str| {
        let update = subject.client.update_item().table_name(&subject.table);
        update
            .set_key(Some(item(pk, "HEAD", &[])))
            .update_expression("SET #by = :me")
            .condition_expression("#version = :expected")
            .expression_attribute_names("#by", "by")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":me", s("me"))
            .expression_attribute_values(":expected", n(2))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
    };

    let refused = update("a").await.unwrap_err().into_service_error();
    let absent = update("nothing").await.unwrap_err().into_service_error();

    let UpdateItemError::ConditionalCheckFailedException(refused) = refused else { panic!("{refused}") };
    assert_eq!(refused.item().unwrap()["by"], s("somebody"));
    let UpdateItemError::ConditionalCheckFailedException(absent) = absent else { panic!("{absent}") };
    assert!(absent.item().is_none_or(HashMap::is_empty));
}

pub(crate) async fn one_of_many_racing_writers_wins(subject: &Subject) {
    put(subject, item("a", "HEAD", &[("version", n(1))])).await;
    let write = async |by: usize| {
        let update = subject.client.update_item().table_name(&subject.table);
        let update = update
            .set_key(Some(item("a", "HEAD", &[])))
            .update_expression("SET #by = :by, #version = :next")
            .condition_expression("#version = :expected")
            .expression_attribute_names("#by", "by")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":by", n(by))
            .expression_attribute_values(":expected", n(1))
            .expression_attribute_values(":next", n(2));
        update.send().await.is_ok()
    };

    let won = join_all((0..MANY).map(write)).await;

    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    let by = won.iter().position(|won| *won).unwrap();
    assert_eq!(get(subject, "a", "HEAD").await.unwrap()["by"], n(by));
}

pub(crate) async fn counter_counts_every_one_of_many_writers(subject: &Subject) {
    let count = async |_| {
        let update = subject.client.update_item().table_name(&subject.table);
        let update = update
            .set_key(Some(item("a", "counter", &[])))
            .update_expression("ADD #n :one")
            .expression_attribute_names("#n", "n")
            .expression_attribute_values(":one", n(1))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::UpdatedNew);
        let counted = update.send().await.unwrap();
        counted.attributes.unwrap()["n"].as_n().unwrap().parse::<usize>().unwrap()
    };

    let mut given = join_all((0..MANY).map(count)).await;

    given.sort_unstable();
    assert_eq!(given, (1..=MANY).collect::<Vec<_>>());
}

pub(crate) async fn transaction_writes_everything_or_nothing(subject: &Subject) {
    let both = |second: &str| {
        vec![
            put_new(subject, item(&format!("first of {second}"), "HEAD", &[])),
            put_new(subject, item(second, "HEAD", &[])),
        ]
    };
    put(subject, item("there", "HEAD", &[])).await;

    transact(subject, both("new"), &fresh_token()).await.unwrap();
    transact(subject, both("there"), &fresh_token()).await.unwrap_err();

    assert!(get(subject, "new", "HEAD").await.is_some());
    assert!(get(subject, "first of new", "HEAD").await.is_some());
    assert_eq!(get(subject, "first of there", "HEAD").await, None);
}

pub(crate) async fn refused_transaction_says_which_conditions_failed(subject: &Subject) {
    put(subject, item("there", "HEAD", &[])).await;
    let actions = ["a", "there", "b"].map(|pk| put_new(subject, item(pk, "HEAD", &[])));

    let refused = transact(subject, actions.to_vec(), &fresh_token()).await.unwrap_err();

    let TransactWriteItemsError::TransactionCanceledException(cancelled) = refused else {
        panic!("{refused}")
    };
    let codes: Vec<&str> =
        cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or("None")).collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed", "None"]);
}

pub(crate) async fn transaction_that_comes_twice_is_applied_once(subject: &Subject) {
    let actions = vec![put_new(subject, item("a", "HEAD", &[]))];
    let token = fresh_token();

    transact(subject, actions.clone(), &token).await.unwrap();
    // The condition would fail now, were it asked once more.
    transact(subject, actions.clone(), &token).await.unwrap();

    transact(subject, actions, &fresh_token()).await.unwrap_err();
}

pub(crate) async fn token_of_another_transaction_is_refused(subject: &Subject) {
    let token = fresh_token();
    transact(subject, vec![put_new(subject, item("a", "HEAD", &[]))], &token).await.unwrap();

    let other = transact(subject, vec![put_new(subject, item("b", "HEAD", &[]))], &token).await;

    let refused = other.unwrap_err();
    assert!(refused.is_idempotent_parameter_mismatch_exception(), "{refused}");
    assert_eq!(get(subject, "b", "HEAD").await, None);
}

pub(crate) async fn item_twice_in_a_transaction_is_refused(subject: &Subject) {
    let twice = ["first", "second"].map(|by| put_new(subject, item("a", "HEAD", &[("by", s(by))])));

    let refused = transact(subject, twice.to_vec(), &fresh_token()).await.unwrap_err();

    assert_eq!(refused.code(), Some("ValidationException"), "{refused}");
    assert_eq!(get(subject, "a", "HEAD").await, None);
}

/// The sort keys of every page of a query.
async fn pages(query: QueryFluentBuilder, sort: &str) -> Vec<Vec<String>> {
    let (mut pages, mut from) = (Vec::new(), None);
    loop {
        let page = query.clone().set_exclusive_start_key(from).send().await.unwrap();
        let keys = page.items().iter().map(|item| item[sort].as_s().unwrap().clone()).collect::<Vec<_>>();
        from = page.last_evaluated_key;
        if !keys.is_empty() {
            pages.push(keys);
        }
        if from.is_none() {
            return pages;
        }
    }
}

pub(crate) async fn query_sorts_and_goes_on_where_its_page_ended(subject: &Subject) {
    for sk in ["T#00010", "T#00002", "HEAD", "T#00001", "T#00003"] {
        put(subject, item("a", sk, &[])).await;
        put(subject, item("b", sk, &[])).await;
    }
    let query = subject
        .client
        .query()
        .table_name(&subject.table)
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", s("a"))
        .consistent_read(true)
        .limit(2);

    assert_eq!(
        pages(query.clone(), "sk").await,
        [vec!["HEAD", "T#00001"], vec!["T#00002", "T#00003"], vec!["T#00010"]]
    );
    assert_eq!(
        pages(query.scan_index_forward(false), "sk").await,
        [vec!["T#00010", "T#00003"], vec!["T#00002", "T#00001"], vec!["HEAD"]]
    );
}

pub(crate) async fn query_finds_what_begins_alike(subject: &Subject) {
    for sk in ["PAGE#000-000-00", "PAGE#000-001-00", "HEAD", "T#00001", "X#000-000-00#00002"] {
        put(subject, item("a", sk, &[])).await;
    }
    let query = |condition: &str| {
        let query = subject.client.query().table_name(&subject.table).consistent_read(true);
        query.key_condition_expression(condition).expression_attribute_values(":pk", s("a"))
    };

    let pages_of =
        query("pk = :pk AND begins_with(sk, :begin)").expression_attribute_values(":begin", s("PAGE#"));
    let before = query("pk = :pk AND sk < :end").expression_attribute_values(":end", s("X#"));

    assert_eq!(pages(pages_of, "sk").await.concat(), ["PAGE#000-000-00", "PAGE#000-001-00"]);
    assert_eq!(pages(before, "sk").await.concat(), ["HEAD", "PAGE#000-000-00", "PAGE#000-001-00", "T#00001"]);
}

/// Asks an index until it has caught up with the table.
async fn indexed(query: QueryFluentBuilder, sort: &str, expected: usize) -> Vec<Vec<String>> {
    for _ in 0..50 {
        let found = pages(query.clone(), sort).await;
        if found.concat().len() == expected {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the index does not show {expected} items after 5 seconds");
}

fn index(subject: &Subject, name: &str, hash: &str, partition: &str) -> QueryFluentBuilder {
    subject
        .client
        .query()
        .table_name(&subject.table)
        .index_name(name)
        .key_condition_expression("#hash = :partition")
        .expression_attribute_names("#hash", hash)
        .expression_attribute_values(":partition", s(partition))
}

pub(crate) async fn index_holds_what_has_its_keys_and_only_what_it_projects(subject: &Subject) {
    let listed = [("lpk", s("o#ALERT#0")), ("lsk", s("1")), ("title", s("Disk")), ("body", s("long"))];
    put(subject, item("a", "HEAD", &listed)).await;
    put(subject, item("b", "HEAD", &[("title", s("Not listed"))])).await;
    put(subject, item("c", "HEAD", &[("dpk", s("DUE#0")), ("dsk", s("5")), ("title", s("Due"))])).await;

    let list = index(subject, "list", "lpk", "o#ALERT#0");
    assert_eq!(indexed(list.clone(), "pk", 1).await, [["a"]]);
    let shown = list.send().await.unwrap().items.unwrap().remove(0);
    assert_eq!((shown.get("title"), shown.get("body")), (Some(&s("Disk")), None));

    let due = index(subject, "due", "dpk", "DUE#0");
    assert_eq!(indexed(due.clone(), "pk", 1).await, [["c"]]);
    let shown = due.clone().send().await.unwrap().items.unwrap().remove(0);
    assert_eq!(shown.get("title"), None);
    // Without its keys, an item leaves the index.
    let update =
        subject.client.update_item().table_name(&subject.table).set_key(Some(item("c", "HEAD", &[])));
    update.update_expression("REMOVE dpk, dsk").send().await.unwrap();
    indexed(due, "pk", 0).await;
}

pub(crate) async fn index_goes_on_where_its_page_ended(subject: &Subject) {
    // Two of them are due at the same time.
    for (pk, at) in [("d", "003"), ("a", "001"), ("c", "002"), ("b", "002"), ("e", "004")] {
        put(subject, item(pk, "HEAD", &[("dpk", s("DUE#0")), ("dsk", s(at))])).await;
    }
    let due = subject
        .client
        .query()
        .table_name(&subject.table)
        .index_name("due")
        .key_condition_expression("dpk = :shard AND dsk <= :until")
        .expression_attribute_values(":shard", s("DUE#0"))
        .expression_attribute_values(":until", s("003"))
        .limit(1);

    let found = indexed(due, "pk", 4).await.concat();

    assert_eq!((&*found[0], &*found[3]), ("a", "d"));
    let mut between = found[1..3].to_vec();
    between.sort_unstable();
    assert_eq!(between, ["b", "c"]);
}

pub(crate) async fn expired_item_may_be_there_still(subject: &Subject) {
    put(subject, item("a", "HEAD", &[("ttl", n(1))])).await;

    // Gone or not, it is answered: whoever reads it looks at its time.
    let found = get(subject, "a", "HEAD").await;

    assert!(found.is_none_or(|item| item["ttl"] == n(1)));
}

pub(crate) async fn number_keeps_its_digits(subject: &Subject) {
    let numbers = ["12345678901234567890123456789012345678", "-1.5", "0", "1800000000000"];
    for number in numbers {
        put(subject, item(number, "HEAD", &[("n", n(number))])).await;
        assert_eq!(get(subject, number, "HEAD").await.unwrap()["n"], n(number));
    }
}

pub(crate) async fn item_that_is_too_large_is_refused(subject: &Subject) {
    let put = |bytes: usize| {
        let put = subject.client.put_item().table_name(&subject.table);
        put.set_item(Some(item("a", "HEAD", &[("text", s("x".repeat(bytes)))]))).send()
    };

    put(390 * 1024).await.unwrap();
    let refused = put(400 * 1024).await.unwrap_err().into_service_error();

    assert_eq!(refused.code(), Some("ValidationException"), "{refused}");
}
