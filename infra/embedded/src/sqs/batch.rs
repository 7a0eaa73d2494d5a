//! The batches: each entry succeeds or fails by itself, and the answer is 200 all the same.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::requests::{Batch, ChangeEntry, DeleteEntry, SendEntry};
use super::{Refusal, md5_of, name};
use crate::queues::{MAX_BODY, QueueError, Queues};

pub(super) fn send(queues: &Queues, batch: Batch<SendEntry>) -> Result<Value, Refusal> {
    check(batch.entries.iter().map(|entry| entry.id.as_str()))?;
    let bytes: usize = batch.entries.iter().map(|entry| entry.message_body.len()).sum();
    if bytes > MAX_BODY {
        return Err(Refusal {
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
            Err(refusal) => failed.push(failure(&id, &refusal)),
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

pub(super) fn delete(queues: &Queues, batch: Batch<DeleteEntry>) -> Result<Value, Refusal> {
    check(batch.entries.iter().map(|entry| entry.id.as_str()))?;
    let queue = name(&batch.queue_url);
    each(batch.entries, |entry| {
        let settled = queues.delete(queue, &entry.receipt_handle).map(|_| ());
        (entry.id, settled)
    })
}

pub(super) fn change_visibility(queues: &Queues, batch: Batch<ChangeEntry>) -> Result<Value, Refusal> {
    check(batch.entries.iter().map(|entry| entry.id.as_str()))?;
    let queue = name(&batch.queue_url);
    each(batch.entries, |entry| {
        let settled = queues.change_visibility(queue, &entry.receipt_handle, entry.visibility_timeout);
        (entry.id, settled)
    })
}

/// Settles each entry by itself; a queue that does not exist fails the whole.
fn each<E>(
    entries: Vec<E>,
    settle: impl Fn(E) -> (String, Result<(), QueueError>),
) -> Result<Value, Refusal> {
    let mut successful = Vec::new();
    let mut failed = Vec::new();
    for entry in entries {
        match settle(entry) {
            (id, Ok(())) => successful.push(json!({ "Id": id })),
            (_, Err(error @ QueueError::NoQueue(_))) => return Err(error.into()),
            (id, Err(error)) => failed.push(failure(&id, &error.into())),
        }
    }
    Ok(outcome(successful, failed))
}

/// Refuses batches that are empty, too many, or name an entry twice.
fn check<'a>(ids: impl ExactSizeIterator<Item = &'a str>) -> Result<(), Refusal> {
    let count = ids.len();
    let refusal = |kind, code, message: String| Err(Refusal { kind, code, message });
    if count == 0 {
        return refusal(
            "EmptyBatchRequest",
            "AWS.SimpleQueueService.EmptyBatchRequest",
            "there should be at least one entry in the request".to_owned(),
        );
    }
    if count > 10 {
        return refusal(
            "TooManyEntriesInBatchRequest",
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            format!("maximum number of entries per request are 10. You have sent {count}"),
        );
    }
    let distinct: HashSet<&str> = ids.collect();
    if distinct.len() != count {
        return refusal(
            "BatchEntryIdsNotDistinct",
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            "an id is repeated".to_owned(),
        );
    }
    Ok(())
}

fn failure(id: &str, refusal: &Refusal) -> Value {
    json!({ "Id": id, "SenderFault": true, "Code": refusal.kind, "Message": refusal.message })
}

fn outcome(successful: Vec<Value>, failed: Vec<Value>) -> Value {
    json!({ "Successful": successful, "Failed": failed })
}
