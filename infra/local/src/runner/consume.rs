//! Polls a queue and calls its function with the received messages.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use embedded::{Message, Queues};
use runtime::QueueHandler;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::error;

use super::{InvocationResult, Invoker};

/// How many messages a function gets in one invocation.
const BATCH: usize = 10;
/// How many invocations of a function run at the same time.
const CONCURRENCY: usize = 5;
/// How long to wait after the queue could not be read.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest wait until the queue is read again.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Polls the queue until the task ends.
pub(super) async fn consume(
    name: &'static str,
    queues: Queues,
    handle: QueueHandler,
    invoker: Arc<dyn Invoker>,
) {
    let slots = Arc::new(Semaphore::new(CONCURRENCY));
    let Ok(mut arrived) = queues.arrived(name) else {
        error!(function = name, "no queue has the name of this function");
        return;
    };
    // Dropped with this task, so that no invocation runs on when the runner stops.
    let mut running = JoinSet::new();
    loop {
        while running.try_join_next().is_some() {}
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        arrived.borrow_and_update();
        let messages = match queues.receive(name, BATCH) {
            Ok(messages) => messages,
            Err(fault) => {
                error!(function = name, %fault, "cannot read the queue");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        if messages.is_empty() {
            let wait = until_next(&queues, name);
            let _either = tokio::time::timeout(wait, arrived.changed()).await;
            continue;
        }
        let (queues, handle, invoker) = (queues.clone(), handle.clone(), invoker.clone());
        running.spawn(async move {
            handle_batch(name, &queues, &handle, &*invoker, messages).await;
            drop(slot);
        });
    }
}

/// How long until a hidden message is visible.
fn until_next(queues: &Queues, name: &str) -> Duration {
    match queues.until_next(name) {
        Ok(Some(wait)) => wait.clamp(Duration::from_millis(1), LONGEST_WAIT),
        Ok(None) | Err(_) => LONGEST_WAIT,
    }
}

/// Calls the function once and deletes the messages that did not fail.
async fn handle_batch(
    name: &'static str,
    queues: &Queues,
    handle: &QueueHandler,
    invoker: &dyn Invoker,
    mut messages: Vec<Message>,
) {
    invoker.reorder(&mut messages);
    let mut event = SqsEvent::default();
    event.records = messages.iter().map(|message| sqs_message(name, message)).collect();
    let running = handle(event);
    let result = Box::pin(async move {
        let response = running.await;
        let failed = response.batch_item_failures.into_iter().map(|failure| failure.item_identifier);
        InvocationResult::Queue(failed.collect())
    });
    let Some(InvocationResult::Queue(failed)) = invoker.invoke(name, result).await else { return };
    for message in messages.iter().filter(|message| !failed.contains(&message.id)) {
        if let Err(fault) = queues.delete(name, &message.receipt) {
            error!(function = name, %fault, "cannot delete a handled message; it is received again");
        }
    }
}

/// Converts a message to the record that Lambda passes to a function.
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
