//! Follows the table's stream and calls the relay with its records, in order.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::dynamodb;
use embedded::{Record, Stream};
use runtime::StreamHandler;
use tracing::error;

use super::{Answer, Feed, Invoke};

/// How many records the relay gets at once.
const BATCH: usize = 100;
/// How often a batch is tried; then the sweep finds what it owed.
const TRIES: u32 = 5;
/// How long to wait after the stream or the relay failed.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest wait for a record that nothing announces.
const LONGEST: Duration = Duration::from_secs(5);

/// Follows for ever.
pub(super) async fn follow(
    name: &'static str,
    stream: Stream,
    mut feed: Box<dyn Feed>,
    handle: StreamHandler,
    invoke: Arc<dyn Invoke>,
) {
    let mut written = stream.written();
    loop {
        written.borrow_and_update();
        let records = match feed.next(BATCH) {
            Ok(records) => records,
            Err(fault) => {
                error!(function = name, %fault, "the stream cannot be read");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        if records.is_empty() {
            let wait = if feed.waits() { PAUSE } else { LONGEST };
            let _either = tokio::time::timeout(wait, written.changed()).await;
            continue;
        }
        // Lambda filters these out before it calls the function.
        let wanted: Vec<&Record> = records.iter().filter(|record| carries(record)).collect();
        for tries in 1..=TRIES {
            if wanted.is_empty() || relayed(name, &wanted, &handle, &*invoke).await {
                break;
            }
            if tries == TRIES {
                error!(function = name, "a batch of the stream is given up; the sweep finds what it owed");
            } else {
                tokio::time::sleep(PAUSE).await;
            }
        }
        if let Err(fault) = feed.done(&records) {
            error!(function = name, %fault, "the place in the stream could not be kept; its records come again");
        }
    }
}

/// Says whether a record carries events.
fn carries(record: &Record) -> bool {
    record.event_name == "INSERT" && record.event["dynamodb"]["NewImage"].get("outbox").is_some()
}

/// Calls the relay once; says whether it did everything.
async fn relayed(
    name: &'static str,
    records: &[&Record],
    handle: &StreamHandler,
    invoke: &dyn Invoke,
) -> bool {
    let mut batch = dynamodb::Event::default();
    for record in records {
        match serde_json::from_value(record.event.clone()) {
            Ok(record) => batch.records.push(record),
            Err(fault) => error!(function = name, %fault, "a record of the stream is no record"),
        }
    }
    let running = handle(batch);
    let answer = Box::pin(async move {
        let response = running.await;
        let first = response.batch_item_failures.into_iter().next();
        Answer::Stream(first.map(|failure| failure.item_identifier.unwrap_or_default()))
    });
    matches!(invoke.invoke(name, answer).await, Some(Answer::Stream(None)))
}
