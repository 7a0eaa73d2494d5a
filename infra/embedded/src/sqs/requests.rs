//! SQS's requests as they are on the wire.

use serde::Deserialize;
use serde_json::Value;

use super::{NewMessage, Refusal};

/// SendMessage.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Send {
    pub(super) queue_url: String,
    message_body: String,
    delay_seconds: Option<i64>,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
    message_attributes: Option<Value>,
}

/// One message of SendMessageBatch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendEntry {
    pub(super) id: String,
    pub(super) message_body: String,
    delay_seconds: Option<i64>,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
    message_attributes: Option<Value>,
}

impl Send {
    /// The message to send.
    pub(super) fn into_message(self) -> Result<NewMessage, Refusal> {
        message(
            self.message_body,
            self.delay_seconds,
            self.message_group_id,
            self.message_deduplication_id.is_some(),
            self.message_attributes.as_ref(),
        )
    }
}

impl SendEntry {
    /// The message to send.
    pub(super) fn into_message(self) -> Result<NewMessage, Refusal> {
        message(
            self.message_body,
            self.delay_seconds,
            self.message_group_id,
            self.message_deduplication_id.is_some(),
            self.message_attributes.as_ref(),
        )
    }
}

/// Refuses what these queues would lose silently, and makes the message.
fn message(
    body: String,
    delay_s: Option<i64>,
    group: Option<String>,
    deduplicated: bool,
    attributes: Option<&Value>,
) -> Result<NewMessage, Refusal> {
    if deduplicated {
        // As on AWS: these are standard queues.
        return Err(Refusal::plain(
            "InvalidParameterValue",
            "the queue is not a FIFO queue: MessageDeduplicationId is not valid",
        ));
    }
    if attributes.and_then(Value::as_object).is_some_and(|attributes| !attributes.is_empty()) {
        return Err(Refusal::unsupported("the embedded queues keep no message attributes"));
    }
    Ok(NewMessage { body, group, delay_s: delay_s.unwrap_or(0) })
}

/// A batch of any operation.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Batch<E> {
    pub(super) queue_url: String,
    pub(super) entries: Vec<E>,
}

/// ReceiveMessage.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Receive {
    pub(super) queue_url: String,
    pub(super) max_number_of_messages: Option<usize>,
    pub(super) visibility_timeout: Option<i64>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
}

impl Receive {
    /// Whether a system attribute was asked for, by the older or the newer list.
    pub(super) fn wants(&self, name: &str) -> bool {
        let mut asked = self.attribute_names.iter().chain(&self.message_system_attribute_names);
        asked.any(|asked| asked == "All" || asked == name)
    }
}

/// DeleteMessage.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Delete {
    pub(super) queue_url: String,
    pub(super) receipt_handle: String,
}

/// One message of DeleteMessageBatch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteEntry {
    pub(super) id: String,
    pub(super) receipt_handle: String,
}

/// ChangeMessageVisibility.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeVisibility {
    pub(super) queue_url: String,
    pub(super) receipt_handle: String,
    pub(super) visibility_timeout: i64,
}

/// One message of ChangeMessageVisibilityBatch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeEntry {
    pub(super) id: String,
    pub(super) receipt_handle: String,
    pub(super) visibility_timeout: i64,
}

/// GetQueueUrl.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct QueueUrl {
    pub(super) queue_name: String,
}

/// GetQueueAttributes.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Attributes {
    pub(super) queue_url: String,
    #[serde(default)]
    attribute_names: Vec<String>,
}

impl Attributes {
    /// Whether an attribute was asked for.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.attribute_names.iter().any(|asked| asked == "All" || asked == name)
    }
}
