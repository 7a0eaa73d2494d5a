//! Reads the table's stream and calls its function, the relay, with the records, in order.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::dynamodb;
use embedded::{Record, Stream};
use runtime::StreamHandler;
use tracing::error;

use super::{InvocationResult, Invoker, StreamReader};

/// How many records the relay gets in one invocation.
const BATCH: usize = 100;
/// How often a batch is tried; then the sweep finds the jobs whose messages are missing.
const TRIES: u32 = 5;
/// How long to wait after the stream or the relay failed.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest wait until the stream is read again.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Reads the stream until the task ends.
pub(super) async fn follow(
    name: &'static str,
    stream: Stream,
    mut reader: Box<dyn StreamReader>,
    handle: StreamHandler,
    invoker: Arc<dyn Invoker>,
) {
    let mut written = stream.written();
    loop {
        written.borrow_and_update();
        let records = match reader.read(BATCH) {
            Ok(records) => records,
            Err(fault) => {
                error!(function = name, %fault, "cannot read the stream");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        if records.is_empty() {
            let wait = if reader.holds_back() { PAUSE } else { LONGEST_WAIT };
            let _either = tokio::time::timeout(wait, written.changed()).await;
            continue;
        }
        // On AWS the event source mapping filters the other records out.
        let wanted: Vec<&Record> = records.iter().filter(|record| has_events(record)).collect();
        for tries in 1..=TRIES {
            if wanted.is_empty() || relay(name, &wanted, &handle, &*invoker).await {
                break;
            }
            if tries == TRIES {
                error!(function = name, "relay failed too often; the sweep finds the jobs of this batch");
            } else {
                tokio::time::sleep(PAUSE).await;
            }
        }
        if let Err(fault) = reader.checkpoint(&records) {
            error!(function = name, %fault, "cannot store the checkpoint of the stream; its records are delivered again");
        }
    }
}

/// Whether a record has outbox events.
fn has_events(record: &Record) -> bool {
    record.event_name == "INSERT" && record.event["dynamodb"]["NewImage"].get("outbox").is_some()
}

/// Calls the relay once, and returns whether it handled all records.
async fn relay(
    name: &'static str,
    records: &[&Record],
    handle: &StreamHandler,
    invoker: &dyn Invoker,
) -> bool {
    let mut batch = dynamodb::Event::default();
    for record in records {
        match serde_json::from_value(record.event.clone()) {
            Ok(record) => batch.records.push(record),
            Err(fault) => error!(function = name, %fault, "invalid stream record"),
        }
    }
    let running = handle(batch);
    let result = Box::pin(async move {
        let response = running.await;
        let first = response.batch_item_failures.into_iter().next();
        InvocationResult::Stream(first.map(|failure| failure.item_identifier.unwrap_or_default()))
    });
    matches!(invoker.invoke(name, result).await, Some(InvocationResult::Stream(None)))
}
