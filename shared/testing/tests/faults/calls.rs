//! Calls that fail, before and after they are applied.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, Update, WriteRequest};
use embedded::TABLE;
use testing::faults::{Fault, FaultPlan};

use super::support::{FaultyServices, item, key, put_new};

/// A new item, by a plain conditional put.
async fn put(services: &FaultyServices, pk: &str) -> Result<(), aws_sdk_dynamodb::Error> {
    let put = services.db.put_item().table_name(TABLE).set_item(Some(item(pk, "me")));
    put.condition_expression("attribute_not_exists(pk)").send().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_fails_before_is_not_applied() {
    for as_error in [0.0, 1.0] {
        let services = FaultyServices::new(FaultPlan { before: 1.0, as_error, ..FaultPlan::default() }, 1);

        put(&services, "a").await.unwrap_err();

        assert!(!services.is_there("a").await);
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_after_is_applied() {
    for as_error in [0.0, 1.0] {
        let services = FaultyServices::new(FaultPlan { after: 1.0, as_error, ..FaultPlan::default() }, 1);

        put(&services, "a").await.unwrap_err();

        assert!(services.is_there("a").await);
    }
}

#[tokio::test(start_paused = true)]
async fn the_client_tries_again_and_a_rare_failure_is_not_seen() {
    let services = FaultyServices::new(
        FaultPlan { before: 0.2, as_error: 0.5, throttled: 0.1, ..FaultPlan::default() },
        3,
    );

    let mut failed = 0;
    for n in 0..100 {
        failed += u32::from(put(&services, &n.to_string()).await.is_err());
    }

    let counters = services.faults.counters();
    let injected: u64 = counters.values().sum();
    assert!(injected > 20, "{counters:?}");
    assert!(failed < 10, "{failed} of 100 failed although each was tried three times");
}

#[tokio::test(start_paused = true)]
async fn a_repeated_plain_put_may_fail_by_its_own_first_attempt_and_a_transaction_does_not() {
    let services = FaultyServices::new(FaultPlan { after: 0.3, ..FaultPlan::default() }, 5);
    let (mut misled, mut transactions_misled) = (0, 0);

    for n in 0..100 {
        let plain =
            services.db.put_item().table_name(TABLE).set_item(Some(item(&format!("plain-{n}"), "me")));
        let plain = plain.condition_expression("attribute_not_exists(pk)").send().await;
        let refused = plain.is_err_and(|error| {
            matches!(error.into_service_error(), PutItemError::ConditionalCheckFailedException(_))
        });
        misled += u32::from(refused);
        let action = put_new(&format!("transaction-{n}"), "me");
        let transaction =
            services.db.transact_write_items().transact_items(action).client_request_token(n.to_string());
        let refused = transaction.send().await.is_err_and(|error| {
            matches!(error.into_service_error(), TransactWriteItemsError::TransactionCanceledException(_))
        });
        transactions_misled += u32::from(refused);
    }

    // Nobody else writes here: every refusal is of the caller's own success.
    assert!(misled > 10, "{misled}");
    assert_eq!(transactions_misled, 0);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_names_one_action_and_writes_nothing() {
    let services = FaultyServices::new(FaultPlan { conflict: 1.0, ..FaultPlan::default() }, 1);

    let transaction = services.db.transact_write_items().transact_items(put_new("a", "me"));
    let error = transaction.transact_items(put_new("b", "me")).send().await.unwrap_err().into_service_error();
    let plain =
        services.db.put_item().table_name(TABLE).set_item(Some(item("c", "me"))).send().await.unwrap_err();

    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { panic!("{error:?}") };
    let mut codes: Vec<_> =
        cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or_default()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["None", "TransactionConflict"]);
    let plain = plain.into_service_error();
    assert!(matches!(plain, PutItemError::TransactionConflictException(_)), "{plain:?}");
    for pk in ["a", "b", "c"] {
        assert!(!services.is_there(pk).await);
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_is_the_error_the_client_knows() {
    let services = FaultyServices::new(FaultPlan { throttled: 1.0, ..FaultPlan::default() }, 1);
    let mut codes = std::collections::BTreeSet::new();

    for n in 0..20 {
        let put =
            services.db.put_item().table_name(TABLE).set_item(Some(item(&n.to_string(), "me"))).send().await;
        codes.insert(put.unwrap_err().code().unwrap_or_default().to_owned());
    }
    let send = services.sqs.send_message().queue_url(super::support::WORK).message_body("m").send().await;

    let expected = ["ProvisionedThroughputExceededException", "ThrottlingException"];
    assert_eq!(codes.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    let send = send.unwrap_err().into_service_error();
    assert!(
        matches!(send, aws_sdk_sqs::operation::send_message::SendMessageError::RequestThrottled(_)),
        "{send:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn unprocessed_items_are_handed_back_and_not_written() {
    let services = FaultyServices::new(FaultPlan { unprocessed: 0.5, ..FaultPlan::default() }, 1);
    let request = |n: u32| {
        let put = PutRequest::builder().set_item(Some(item(&format!("{n:02}"), "me"))).build().unwrap();
        WriteRequest::builder().put_request(put).build()
    };
    let mut left: Vec<WriteRequest> = (0..20).map(request).collect();
    let mut rounds = 0;

    while !left.is_empty() {
        let before = left.len();
        let answer = services.db.batch_write_item().request_items(TABLE, left).send().await.unwrap();
        left = answer.unprocessed_items.unwrap_or_default().remove(TABLE).unwrap_or_default();
        assert!(left.len() < before, "at least one is done each time");
        for request in &left {
            let pk = request.put_request().unwrap().item()["pk"].as_s().unwrap().clone();
            assert!(!services.is_there(&pk).await);
        }
        rounds += 1;
    }

    assert!(rounds > 2, "{rounds}");
    for n in 0..20 {
        assert!(services.is_there(&format!("{n:02}")).await);
    }
    assert_eq!(services.faults.counters()[&Fault::Unprocessed], rounds - 1);
}

#[tokio::test(start_paused = true)]
async fn unprocessed_keys_are_handed_back_with_how_to_read_them() {
    let services = FaultyServices::new(FaultPlan { unprocessed: 0.5, ..FaultPlan::default() }, 1);
    for n in 0..20 {
        put(&services, &format!("{n:02}")).await.unwrap();
    }
    let keys: Vec<_> = (0..20).map(|n| key(&format!("{n:02}"))).collect();
    let wanted = aws_sdk_dynamodb::types::KeysAndAttributes::builder();
    let mut left = Some(wanted.set_keys(Some(keys)).consistent_read(true).build().unwrap());
    let mut got = 0;

    while let Some(wanted) = left {
        assert_eq!(wanted.consistent_read, Some(true));
        let answer = services.db.batch_get_item().request_items(TABLE, wanted).send().await.unwrap();
        got += answer.responses.unwrap_or_default().remove(TABLE).unwrap_or_default().len();
        left = answer.unprocessed_keys.unwrap_or_default().remove(TABLE);
    }

    assert_eq!(got, 20);
    assert!(services.faults.counters()[&Fault::Unprocessed] > 1);
}

#[tokio::test(start_paused = true)]
async fn a_transactions_token_lasts_ten_minutes_of_the_storys_time() {
    let services = FaultyServices::new(FaultPlan::calm(), 1);
    let add = || {
        let update =
            Update::builder().table_name(TABLE).set_key(Some(key("a"))).update_expression("ADD hits :n");
        let update =
            update.expression_attribute_values(":n", AttributeValue::N("1".to_owned())).build().unwrap();
        let action = aws_sdk_dynamodb::types::TransactWriteItem::builder().update(update).build();
        services.db.transact_write_items().transact_items(action).client_request_token("same").send()
    };
    let hits = || async {
        let got = services.calm.get_item().table_name(TABLE).set_key(Some(key("a"))).send().await.unwrap();
        got.item.unwrap()["hits"].as_n().unwrap().clone()
    };

    add().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(599)).await;
    add().await.unwrap();
    assert_eq!(hits().await, "1");
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    add().await.unwrap();
    add().await.unwrap();

    assert_eq!(hits().await, "2");
    assert_eq!(services.faults.counters()[&Fault::TokenExpired], 1);
}

#[tokio::test(start_paused = true)]
async fn with_latency_two_that_read_and_then_write_meet_in_between() {
    let both = |latency_ms| async move {
        let services = FaultyServices::new(FaultPlan { latency_ms, ..FaultPlan::default() }, 1);
        let count = || async {
            let get = services.db.get_item().table_name(TABLE).set_key(Some(key("a"))).consistent_read(true);
            let got = get.send().await.unwrap().item;
            let by: u32 = got.map_or(0, |item| item["by"].as_s().unwrap().parse().unwrap());
            let item = item("a", &(by + 1).to_string());
            services.db.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
        };
        tokio::join!(count(), count());
        let got = services.calm.get_item().table_name(TABLE).set_key(Some(key("a"))).send().await.unwrap();
        got.item.unwrap()["by"].as_s().unwrap().clone()
    };

    assert_eq!(both(0).await, "2", "without latency each runs through");
    assert_eq!(both(20).await, "1", "with it one update is lost");
}
