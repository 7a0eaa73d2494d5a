//! Batch operations: each entry succeeds or fails on its own, and the response has status 200.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::requests::{BatchRequest, ChangeEntry, DeleteEntry, SendEntry};
use super::{SqsError, md5_of, name};
use crate::queues::{MAX_BODY, QueueError, Queues};

pub(super) fn send(queues: &Queues, batch: BatchRequest<SendEntry>) -> Result<Value, SqsError> {
    check(batch.entries.iter().map(|entry| entry.id.as_str()))?;
    let bytes: usize = batch.entries.iter().map(|entry| entry.message_body.len()).sum();
    if bytes > MAX_BODY {
        return Err(SqsError {
            kind: "BatchRequestTooLong",
            code: "AWS.SimpleQueueService.BatchRequestTooLong",
            message: format!(
                "batch requests cannot be longer than {MAX_BODY} bytes; you have sent {bytes} bytes"
            ),
        });
    }
    let queue = name(&batch.queue_url);
    queues.arrived(queue)?;
    let mut failed = Vec::new();
    let mut accepted = Vec::new();
    for entry in batch.entries {
        let id = entry.id.clone();
        let message = entry.into_message().and_then(|message| {
            crate::queues::check(&message)?;
            Ok(message)
        });
        match message {
            Ok(message) => accepted.push((id, message)),
            Err(error) => failed.push(failure(&id, &error)),
        }
    }
    let (ids, messages): (Vec<_>, Vec<_>) = accepted.into_iter().unzip();
    let sent = queues.send_all(queue, &messages)?;
    let successful: Vec<Value> = ids
        .iter()
        .zip(&messages)
        .zip(&sent)
        .map(|((id, message), sent)| {
            json!({ "Id": id, "MessageId": sent.id, "MD5OfMessageBody": md5_of(&message.body) })
        })
        .collect();
    Ok(outcome(successful, failed))
}

pub(super) fn delete(queues: &Queues, batch: BatchRequest<DeleteEntry>) -> Result<Value, SqsError> {
    check(batch.entries.iter().map(|entry| entry.id.as_str()))?;
    let queue = name(&batch.queue_url);
    each(batch.entries, |entry| {
        let settled = queues.delete(queue, &entry.receipt_handle).map(|_| ());
        (entry.id, settled)
    })
}

pub(super) fn change_visibility(
    queues: &Queues,
    batch: BatchRequest<ChangeEntry>,
) -> Result<Value, SqsError> {
    check(batch.entries.iter().map(|entry| entry.id.as_str()))?;
    let queue = name(&batch.queue_url);
    each(batch.entries, |entry| {
        let settled = queues.change_visibility(queue, &entry.receipt_handle, entry.visibility_timeout);
        (entry.id, settled)
    })
}

/// Applies an operation to each entry; if the queue does not exist, the whole batch fails.
fn each<E>(
    entries: Vec<E>,
    apply: impl Fn(E) -> (String, Result<(), QueueError>),
) -> Result<Value, SqsError> {
    let mut successful = Vec::new();
    let mut failed = Vec::new();
    for entry in entries {
        match apply(entry) {
            (id, Ok(())) => successful.push(json!({ "Id": id })),
            (_, Err(error @ QueueError::NoQueue(_))) => return Err(error.into()),
            (id, Err(error)) => failed.push(failure(&id, &error.into())),
        }
    }
    Ok(outcome(successful, failed))
}

/// Refuses a batch that is empty, has too many entries, or has an entry id twice.
fn check<'a>(ids: impl ExactSizeIterator<Item = &'a str>) -> Result<(), SqsError> {
    let count = ids.len();
    let error = |kind, code, message: String| Err(SqsError { kind, code, message });
    if count == 0 {
        return error(
            "EmptyBatchRequest",
            "AWS.SimpleQueueService.EmptyBatchRequest",
            "there should be at least one entry in the request".to_owned(),
        );
    }
    if count > 10 {
        return error(
            "TooManyEntriesInBatchRequest",
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            format!("maximum number of entries per request are 10. You have sent {count}"),
        );
    }
    let distinct: HashSet<&str> = ids.collect();
    if distinct.len() != count {
        return error(
            "BatchEntryIdsNotDistinct",
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            "an id is repeated".to_owned(),
        );
    }
    Ok(())
}

fn failure(id: &str, error: &SqsError) -> Value {
    json!({ "Id": id, "SenderFault": true, "Code": error.kind, "Message": error.message })
}

fn outcome(successful: Vec<Value>, failed: Vec<Value>) -> Value {
    json!({ "Successful": successful, "Failed": failed })
}
