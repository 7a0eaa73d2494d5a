//! The SQS operations, through the AWS client.

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::operation::change_message_visibility::ChangeMessageVisibilityError;
use aws_sdk_sqs::operation::send_message::SendMessageError;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
    SendMessageBatchRequestEntry,
};

use super::support::{NOON, memory};

const WORK: &str = "http://embedded/queue/work";

/// An entry of a batch.
fn entry(id: &str, body: &str, delay: i32) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry::builder().id(id).message_body(body).delay_seconds(delay).build().unwrap()
}

#[tokio::test]
async fn a_message_goes_through_with_its_hash_and_attributes() {
    let (embedded, clock) = memory();
    let client = embedded::sqs(embedded.backend());

    let url = client.get_queue_url().queue_name("work").send().await.unwrap();
    assert_eq!(url.queue_url(), Some(WORK));
    let sent = client.send_message().queue_url(WORK).message_body("hello").message_group_id("org#src");
    let sent = sent.send().await.unwrap();
    clock.pass(2);
    let received = client
        .receive_message()
        .queue_url(WORK)
        .max_number_of_messages(10)
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .send()
        .await
        .unwrap();

    // As `printf hello | md5sum` has it.
    assert_eq!(sent.md5_of_message_body(), Some("5d41402abc4b2a76b9719d911017c592"));
    let message = &received.messages()[0];
    assert_eq!(message.md5_of_body(), sent.md5_of_message_body());
    assert_eq!((message.body(), message.message_id()), (Some("hello"), sent.message_id()));
    let attributes = message.attributes().unwrap();
    assert_eq!(attributes[&MessageSystemAttributeName::SentTimestamp], NOON.to_string());
    assert_eq!(attributes[&MessageSystemAttributeName::ApproximateReceiveCount], "1");
    assert_eq!(attributes[&MessageSystemAttributeName::MessageGroupId], "org#src");
    assert_eq!(
        attributes[&MessageSystemAttributeName::ApproximateFirstReceiveTimestamp],
        (NOON + 2000).to_string()
    );
}

#[tokio::test]
async fn an_empty_queue_answers_with_no_messages() {
    let (embedded, _) = memory();
    let client = embedded::sqs(embedded.backend());

    let received = client.receive_message().queue_url(WORK).send().await.unwrap();

    assert!(received.messages().is_empty());
}

#[tokio::test]
async fn a_batch_sends_the_good_entries_and_names_the_bad() {
    let (embedded, _) = memory();
    let client = embedded::sqs(embedded.backend());

    let answer = client
        .send_message_batch()
        .queue_url(WORK)
        .entries(entry("good", "a", 0))
        .entries(entry("late", "b", 901))
        .entries(entry("odd", "\u{0}", 0))
        .send()
        .await
        .unwrap();

    let sent: Vec<&str> = answer.successful().iter().map(|entry| entry.id()).collect();
    let failed: Vec<(&str, bool)> = answer.failed().iter().map(|e| (e.id(), e.sender_fault())).collect();
    assert_eq!(sent, ["good"]);
    assert_eq!(failed, [("late", true), ("odd", true)]);
    assert_eq!(embedded.queues().depth("work").unwrap(), 1);
}

#[tokio::test]
async fn a_batch_that_is_empty_too_long_or_repeats_an_id_is_refused_whole() {
    let (embedded, _) = memory();
    let client = embedded::sqs(embedded.backend());
    let send = |entries: Vec<SendMessageBatchRequestEntry>| {
        client.send_message_batch().queue_url(WORK).set_entries(Some(entries)).send()
    };
    let eleven = (0..11).map(|n| entry(&n.to_string(), "a", 0)).collect();
    let large = "x".repeat(600 * 1024);

    let cases = [
        ("EmptyBatchRequest", send(Vec::new()).await),
        ("TooManyEntriesInBatchRequest", send(eleven).await),
        ("BatchEntryIdsNotDistinct", send(vec![entry("a", "a", 0), entry("a", "b", 0)]).await),
        ("BatchRequestTooLong", send(vec![entry("a", &large, 0), entry("b", &large, 0)]).await),
    ];

    for (name, answer) in cases {
        let code = answer.unwrap_err().into_service_error().code().unwrap_or_default().to_owned();
        assert_eq!(code, format!("AWS.SimpleQueueService.{name}"));
    }
    assert_eq!(embedded.queues().depth("work").unwrap(), 0);
}

#[tokio::test]
async fn errors_are_the_ones_the_client_knows() {
    let (embedded, clock) = memory();
    let client = embedded::sqs(embedded.backend());

    let nowhere =
        client.send_message().queue_url("http://embedded/queue/wrok").message_body("a").send().await;
    let late = client.send_message().queue_url(WORK).message_body("a").delay_seconds(901).send().await;
    client.send_message().queue_url(WORK).message_body("a").send().await.unwrap();
    let received = client.receive_message().queue_url(WORK).send().await.unwrap();
    clock.pass(60);
    let receipt = received.messages()[0].receipt_handle().unwrap();
    let change = client.change_message_visibility().queue_url(WORK).receipt_handle(receipt);
    let over = change.visibility_timeout(10).send().await;

    let nowhere = nowhere.unwrap_err().into_service_error();
    assert!(matches!(nowhere, SendMessageError::QueueDoesNotExist(_)), "{nowhere:?}");
    assert_eq!(late.unwrap_err().into_service_error().code(), Some("InvalidParameterValue"));
    let over = over.unwrap_err().into_service_error();
    assert!(matches!(over, ChangeMessageVisibilityError::MessageNotInflight(_)), "{over:?}");
}

#[tokio::test]
async fn message_attributes_are_refused_rather_than_lost() {
    let (embedded, _) = memory();
    let client = embedded::sqs(embedded.backend());
    let value = MessageAttributeValue::builder().data_type("String").string_value("x").build().unwrap();

    let error = client.send_message().queue_url(WORK).message_body("a").message_attributes("trace", value);
    let error = error.send().await.unwrap_err().into_service_error();

    assert!(matches!(error, SendMessageError::UnsupportedOperation(_)), "{error:?}");
}

#[tokio::test]
async fn a_batch_deletes_each_message_by_its_receipt() {
    let (embedded, _) = memory();
    let client = embedded::sqs(embedded.backend());
    for body in ["a", "b"] {
        client.send_message().queue_url(WORK).message_body(body).send().await.unwrap();
    }
    let received = client.receive_message().queue_url(WORK).max_number_of_messages(2).send().await.unwrap();
    let receipt = |n: usize| received.messages()[n].receipt_handle().unwrap().to_owned();
    let entry = |id: &str, receipt: String| {
        DeleteMessageBatchRequestEntry::builder().id(id).receipt_handle(receipt).build().unwrap()
    };

    let answer = client
        .delete_message_batch()
        .queue_url(WORK)
        .entries(entry("one", receipt(0)))
        .entries(entry("two", receipt(1)))
        .entries(entry("three", "made up".to_owned()))
        .send()
        .await
        .unwrap();

    assert_eq!(answer.successful().len(), 2);
    assert_eq!(answer.failed()[0].code(), "ReceiptHandleIsInvalid");
    assert_eq!(embedded.queues().depth("work").unwrap(), 0);
}

#[tokio::test]
async fn a_queue_tells_what_it_holds_and_how_it_is_declared() {
    let (embedded, _) = memory();
    let client = embedded::sqs(embedded.backend());
    for (body, delay) in [("a", 0), ("b", 0), ("c", 10)] {
        client.send_message().queue_url(WORK).message_body(body).delay_seconds(delay).send().await.unwrap();
    }
    client.receive_message().queue_url(WORK).send().await.unwrap();

    let answer = client.get_queue_attributes().queue_url(WORK).attribute_names(QueueAttributeName::All);
    let answer = answer.send().await.unwrap();

    let attributes = answer.attributes().unwrap();
    let get = |name: QueueAttributeName| attributes[&name].as_str();
    assert_eq!(get(QueueAttributeName::ApproximateNumberOfMessages), "1");
    assert_eq!(get(QueueAttributeName::ApproximateNumberOfMessagesNotVisible), "1");
    assert_eq!(get(QueueAttributeName::ApproximateNumberOfMessagesDelayed), "1");
    assert_eq!(get(QueueAttributeName::VisibilityTimeout), "30");
    assert!(get(QueueAttributeName::RedrivePolicy).contains("work-dead"));
}
