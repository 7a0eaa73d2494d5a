//! Sending to queues.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use domain::message::Queue;

/// A message on its way to a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The envelope, in JSON.
    pub body: String,
    /// How long the queue keeps it back, in seconds; at most 900.
    pub delay: u16,
    /// The group whose messages take turns with those of other groups.
    pub group: Option<String>,
}

/// A message could not be put on a queue.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The configuration has no such queue.
    #[error("no queue `{0}` is configured")]
    Unknown(&'static str),
    /// The queue did not answer, or refused.
    #[error("sending to `{queue}` failed")]
    Call {
        /// The queue.
        queue: &'static str,
        /// Why.
        #[source]
        source: machine::BoxError,
    },
    /// The queue refused some messages of a batch.
    #[error("`{queue}` refused {refused} messages")]
    Refused {
        /// The queue.
        queue: &'static str,
        /// How many.
        refused: usize,
    },
}

/// The queues and their addresses.
#[derive(Clone)]
pub struct Queues {
    sqs: Client,
    urls: Arc<BTreeMap<Queue, String>>,
}

/// The most messages of a batch, and its most bytes.
const BATCH: usize = 10;
const BATCH_BYTES: usize = 1_000_000;

impl Queues {
    /// Opens the queues at these addresses.
    pub fn new(sqs: Client, urls: BTreeMap<Queue, String>) -> Self {
        Self { sqs, urls: Arc::new(urls) }
    }

    /// Puts messages on a queue, in as few calls as it takes. Once this returns, they are durable.
    ///
    /// # Errors
    /// [`QueueError`] if any message may not have been accepted; the others may have been.
    pub async fn send(&self, queue: Queue, messages: Vec<Outgoing>) -> Result<(), QueueError> {
        let url = self.urls.get(&queue).ok_or(QueueError::Unknown(queue.name()))?;
        let messages =
            messages.into_iter().map(|message| Outgoing { body: escaped(message.body), ..message }).collect();
        for batch in batches(messages) {
            match <[Outgoing; 1]>::try_from(batch) {
                Ok([message]) => self.send_one(queue, url, message).await?,
                Err(batch) => self.send_batch(queue, url, batch).await?,
            }
        }
        Ok(())
    }

    async fn send_one(&self, queue: Queue, url: &str, message: Outgoing) -> Result<(), QueueError> {
        self.sqs
            .send_message()
            .queue_url(url)
            .message_body(message.body)
            .set_delay_seconds((message.delay > 0).then(|| i32::from(message.delay)))
            .set_message_group_id(message.group)
            .send()
            .await
            .map_err(|error| QueueError::Call { queue: queue.name(), source: Box::new(error) })?;
        Ok(())
    }

    async fn send_batch(&self, queue: Queue, url: &str, batch: Vec<Outgoing>) -> Result<(), QueueError> {
        let entry = |(n, message): (usize, Outgoing)| {
            SendMessageBatchRequestEntry::builder()
                .id(n.to_string())
                .message_body(message.body)
                .set_delay_seconds((message.delay > 0).then(|| i32::from(message.delay)))
                .set_message_group_id(message.group)
                .build()
                .expect("complete")
        };
        let entries = batch.into_iter().enumerate().map(entry).collect();
        let sent = self
            .sqs
            .send_message_batch()
            .queue_url(url)
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(|error| QueueError::Call { queue: queue.name(), source: Box::new(error) })?;
        // The answer to a batch is 200 even if the queue refused some of its messages.
        match sent.failed().len() {
            0 => Ok(()),
            refused => Err(QueueError::Refused { queue: queue.name(), refused }),
        }
    }
}

/// Escapes the only two characters that a queue refuses and that JSON does not escape.
fn escaped(body: String) -> String {
    if body.contains(['\u{fffe}', '\u{ffff}']) {
        body.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")
    } else {
        body
    }
}

/// Splits messages into batches that a queue takes.
fn batches(messages: Vec<Outgoing>) -> Vec<Vec<Outgoing>> {
    let mut batches: Vec<Vec<Outgoing>> = Vec::new();
    let mut bytes = 0;
    for message in messages {
        let size = message.body.len();
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH && bytes + size <= BATCH_BYTES => {
                bytes += size;
                batch.push(message);
            }
            _ => {
                bytes = size;
                batches.push(vec![message]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_a_queue_refuses_are_escaped() {
        let body = serde_json::json!({ "title": "a\u{fffe}b\u{ffff}c" });

        let escaped = escaped(body.to_string());

        assert!(!escaped.contains(['\u{fffe}', '\u{ffff}']), "{escaped}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), body);
    }

    #[test]
    fn batches_hold_ten_messages_and_a_megabyte_at_most() {
        let message = |size: usize| Outgoing { body: "x".repeat(size), delay: 0, group: None };
        let sizes = |messages: Vec<Outgoing>| batches(messages).iter().map(Vec::len).collect::<Vec<_>>();

        assert_eq!(sizes(vec![message(1); 23]), [10, 10, 3]);
        assert_eq!(sizes(vec![message(600_000); 3]), [1, 1, 1]);
        assert_eq!(sizes(vec![]), [0_usize; 0]);
    }
}
