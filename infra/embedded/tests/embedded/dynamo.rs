//! The features of DynamoDB that the functions rely on.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use embedded::TABLE;

use super::support::{item, key, memory, text};

/// A transaction's put of a new item.
fn put_new(pk: &str, sk: &str) -> TransactWriteItem {
    let put = Put::builder()
        .table_name(TABLE)
        .set_item(Some(item(pk, sk, &[])))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .unwrap();
    TransactWriteItem::builder().put(put).build()
}

/// A transaction's addition to a counter.
fn add_one(pk: &str) -> TransactWriteItem {
    let update = Update::builder()
        .table_name(TABLE)
        .set_key(Some(key(pk, "HEAD")))
        .update_expression("ADD hits :one")
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
        .build()
        .unwrap();
    TransactWriteItem::builder().update(update).build()
}

#[tokio::test]
async fn what_is_put_is_got() {
    let (embedded, _) = memory();
    let client = embedded::dynamodb(embedded.backend());

    client
        .put_item()
        .table_name(TABLE)
        .set_item(Some(item("a", "1", &[("state", "open")])))
        .send()
        .await
        .unwrap();
    let got = client
        .get_item()
        .table_name(TABLE)
        .set_key(Some(key("a", "1")))
        .consistent_read(true)
        .send()
        .await
        .unwrap();

    assert_eq!(got.item, Some(item("a", "1", &[("state", "open")])));
}

#[tokio::test]
async fn a_transaction_repeated_under_its_token_applies_once() {
    let (embedded, _) = memory();
    let client = embedded::dynamodb(embedded.backend());

    for _ in 0..3 {
        client
            .transact_write_items()
            .transact_items(add_one("a"))
            .client_request_token("commit-1")
            .send()
            .await
            .unwrap();
    }
    client
        .transact_write_items()
        .transact_items(add_one("a"))
        .client_request_token("commit-2")
        .send()
        .await
        .unwrap();

    let got = client.get_item().table_name(TABLE).set_key(Some(key("a", "HEAD"))).send().await.unwrap();
    assert_eq!(got.item.unwrap()["hits"], AttributeValue::N("2".to_owned()));
}

#[tokio::test]
async fn a_token_with_other_actions_is_refused() {
    let (embedded, _) = memory();
    let client = embedded::dynamodb(embedded.backend());
    let send =
        |action| client.transact_write_items().transact_items(action).client_request_token("commit-1").send();

    send(add_one("a")).await.unwrap();
    let error = send(add_one("b")).await.unwrap_err().into_service_error();

    assert!(matches!(error, TransactWriteItemsError::IdempotentParameterMismatchException(_)), "{error:?}");
}

#[tokio::test]
async fn a_failed_condition_shows_the_item_that_failed_it() {
    let (embedded, _) = memory();
    let client = embedded::dynamodb(embedded.backend());
    let there = item("a", "1", &[("commit", "mine")]);
    client.put_item().table_name(TABLE).set_item(Some(there.clone())).send().await.unwrap();

    let error = client
        .update_item()
        .table_name(TABLE)
        .set_key(Some(key("a", "1")))
        .update_expression("SET #s = :s")
        .condition_expression("attribute_not_exists(pk)")
        .expression_attribute_names("#s", "state")
        .expression_attribute_values(":s", text("x"))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await
        .unwrap_err()
        .into_service_error();

    assert_eq!(error.code(), Some("ConditionalCheckFailedException"));
    let aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(failed) =
        error
    else {
        panic!("{error:?}");
    };
    assert_eq!(failed.item, Some(there));
}

#[tokio::test]
async fn a_cancelled_transaction_says_why_for_each_action_and_writes_nothing() {
    let (embedded, _) = memory();
    let client = embedded::dynamodb(embedded.backend());
    let there = item("taken", "1", &[("commit", "theirs")]);
    client.put_item().table_name(TABLE).set_item(Some(there.clone())).send().await.unwrap();

    let error = client
        .transact_write_items()
        .transact_items(put_new("free", "1"))
        .transact_items(put_new("taken", "1"))
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { panic!("{error:?}") };
    let reasons = cancelled.cancellation_reasons();
    let codes: Vec<_> = reasons.iter().map(|reason| reason.code().unwrap_or_default()).collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed"]);
    assert_eq!(reasons[1].item, Some(there));
    let free = client.get_item().table_name(TABLE).set_key(Some(key("free", "1"))).send().await.unwrap();
    assert_eq!(free.item, None);
}

#[tokio::test]
async fn two_actions_on_one_item_are_refused_before_anything_is_looked_at() {
    let (embedded, _) = memory();
    let client = embedded::dynamodb(embedded.backend());

    let send =
        client.transact_write_items().transact_items(put_new("a", "1")).transact_items(put_new("a", "1"));
    let error = send.send().await.unwrap_err();

    assert_eq!(error.code(), Some("ValidationException"), "{error:?}");
}

#[tokio::test]
async fn a_cancelled_transaction_may_be_tried_again_under_its_token() {
    let (embedded, _) = memory();
    let client = embedded::dynamodb(embedded.backend());
    client.put_item().table_name(TABLE).set_item(Some(item("a", "1", &[]))).send().await.unwrap();
    let send =
        || client.transact_write_items().transact_items(put_new("a", "1")).client_request_token("t").send();

    send().await.unwrap_err();
    client.delete_item().table_name(TABLE).set_key(Some(key("a", "1"))).send().await.unwrap();

    send().await.unwrap();
}

#[tokio::test]
async fn the_two_indexes_hold_only_items_with_their_keys() {
    let (embedded, _) = memory();
    let client = embedded::dynamodb(embedded.backend());
    let due = [
        ("dpk", "DUE#3"),
        ("dsk", "2026"),
        ("lpk", "org#alert"),
        ("lsk", "01J"),
        ("title", "t"),
        ("body", "b"),
    ];
    client.put_item().table_name(TABLE).set_item(Some(item("a", "1", &due))).send().await.unwrap();
    client
        .put_item()
        .table_name(TABLE)
        .set_item(Some(item("b", "1", &[("title", "t")])))
        .send()
        .await
        .unwrap();
    let query = |index: &str, hash: &str, value: &str| {
        client
            .query()
            .table_name(TABLE)
            .index_name(index)
            .key_condition_expression("#k = :k")
            .expression_attribute_names("#k", hash)
            .expression_attribute_values(":k", text(value))
            .send()
    };

    let due = query("due", "dpk", "DUE#3").await.unwrap();
    let list = query("list", "lpk", "org#alert").await.unwrap();

    let names = |items: &[std::collections::HashMap<String, AttributeValue>]| {
        let mut names: Vec<String> = items.iter().flat_map(|item| item.keys().cloned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(due.items()), ["dpk", "dsk", "pk", "sk"]);
    assert_eq!(names(list.items()), ["lpk", "lsk", "pk", "sk", "title"]);
}

#[tokio::test]
async fn refusals_carry_no_mark_of_the_database() {
    let (embedded, _) = memory();
    let wire = embedded.dynamo();

    // The client would not send these; a person with `curl` would.
    let null = wire.answer("PutItem", br#"{"TableName":"firebell","Item":{"pk":{"NULL":false}}}"#);
    let two = wire.answer("GetItem", br#"{"TableName":"firebell","Key":{"pk":{"S":"a","N":"1"}}}"#);
    let unknown = wire.answer("PutUnicorn", b"{}");

    let message = |answer: &embedded::AwsResponse| String::from_utf8(answer.body.clone()).unwrap();
    assert!(
        message(&null).contains("1 validation error detected: One or more parameter values"),
        "{}",
        message(&null)
    );
    assert!(message(&two).contains("\"Supplied AttributeValue has more than one"), "{}", message(&two));
    assert!(!message(&two).contains(" at line "), "{}", message(&two));
    assert!(message(&unknown).contains("UnknownOperationException"), "{}", message(&unknown));
    assert_eq!([null.status, two.status, unknown.status], [400, 400, 400]);
}

#[tokio::test]
async fn an_unknown_operation_is_an_error_not_a_hang() {
    let (embedded, _) = memory();
    let client = embedded::dynamodb(embedded.backend());

    let error = client.describe_limits().send().await.unwrap_err();

    assert_eq!(error.code(), Some("UnknownOperationException"), "{error:?}");
}
