//! Polls a queue and calls its function with what arrived.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use embedded::{Message, Queues};
use runtime::QueueHandler;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::error;

use super::{Answer, Invoke};

/// How many messages a function gets at once.
const BATCH: usize = 10;
/// How many invocations of a function run at the same time.
const AT_ONCE: usize = 5;
/// How long to wait after the queue itself failed.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest wait for a message that nothing announces.
const LONGEST: Duration = Duration::from_secs(30);

/// Polls for ever.
pub(super) async fn consume(
    name: &'static str,
    queues: Queues,
    handle: QueueHandler,
    invoke: Arc<dyn Invoke>,
) {
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let Ok(mut arrived) = queues.arrived(name) else {
        error!(function = name, "there is no queue of this function's name");
        return;
    };
    // Dropped with this task, so that nothing runs on when the runner stops.
    let mut running = JoinSet::new();
    loop {
        while running.try_join_next().is_some() {}
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        arrived.borrow_and_update();
        let messages = match queues.receive(name, BATCH) {
            Ok(messages) => messages,
            Err(fault) => {
                error!(function = name, %fault, "the queue cannot be read");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        if messages.is_empty() {
            let wait = until_next(&queues, name);
            let _either = tokio::time::timeout(wait, arrived.changed()).await;
            continue;
        }
        let (queues, handle, invoke) = (queues.clone(), handle.clone(), invoke.clone());
        running.spawn(async move {
            one_batch(name, &queues, &handle, &*invoke, messages).await;
            drop(slot);
        });
    }
}

/// How long until a hidden message is visible.
fn until_next(queues: &Queues, name: &str) -> Duration {
    match queues.until_next(name) {
        Ok(Some(wait)) => wait.clamp(Duration::from_millis(1), LONGEST),
        Ok(None) | Err(_) => LONGEST,
    }
}

/// Calls the function once and settles what it did not fail.
async fn one_batch(
    name: &'static str,
    queues: &Queues,
    handle: &QueueHandler,
    invoke: &dyn Invoke,
    mut messages: Vec<Message>,
) {
    invoke.arrived(&mut messages);
    let mut event = SqsEvent::default();
    event.records = messages.iter().map(|message| sqs_message(name, message)).collect();
    let running = handle(event);
    let answer = Box::pin(async move {
        let response = running.await;
        let failed = response.batch_item_failures.into_iter().map(|failure| failure.item_identifier);
        Answer::Queue(failed.collect())
    });
    let Some(Answer::Queue(failed)) = invoke.invoke(name, answer).await else { return };
    for message in messages.iter().filter(|message| !failed.contains(&message.id)) {
        if let Err(fault) = queues.delete(name, &message.receipt) {
            error!(function = name, %fault, "a message that was handled could not be deleted; it comes again");
        }
    }
}

/// A message as Lambda hands it over.
fn sqs_message(queue: &str, message: &Message) -> SqsMessage {
    let mut record = SqsMessage::default();
    record.message_id = Some(message.id.clone());
    record.receipt_handle = Some(message.receipt.clone());
    record.body = Some(message.body.clone());
    record.event_source = Some("aws:sqs".to_owned());
    record.event_source_arn = Some(format!("arn:aws:sqs:local:000000000000:{queue}"));
    record.attributes =
        [("ApproximateReceiveCount".to_owned(), message.receives.to_string())].into_iter().collect();
    record
}
