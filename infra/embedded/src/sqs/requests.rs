//! The requests of SQS's JSON protocol.

use serde::Deserialize;
use serde_json::Value;

use super::{NewMessage, SqsError};

/// The request of `SendMessage`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendRequest {
    pub(super) queue_url: String,
    message_body: String,
    delay_seconds: Option<i64>,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
    message_attributes: Option<Value>,
}

/// An entry of `SendMessageBatch`.
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

impl SendRequest {
    /// The message to send.
    pub(super) fn into_message(self) -> Result<NewMessage, SqsError> {
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
    pub(super) fn into_message(self) -> Result<NewMessage, SqsError> {
        message(
            self.message_body,
            self.delay_seconds,
            self.message_group_id,
            self.message_deduplication_id.is_some(),
            self.message_attributes.as_ref(),
        )
    }
}

/// Creates the message; refuses parameters that the embedded queues would ignore.
fn message(
    body: String,
    delay_s: Option<i64>,
    group: Option<String>,
    deduplicated: bool,
    attributes: Option<&Value>,
) -> Result<NewMessage, SqsError> {
    if deduplicated {
        // AWS refuses it too: these are standard queues.
        return Err(SqsError::plain(
            "InvalidParameterValue",
            "the queue is not a FIFO queue: MessageDeduplicationId is not valid",
        ));
    }
    if attributes.and_then(Value::as_object).is_some_and(|attributes| !attributes.is_empty()) {
        return Err(SqsError::unsupported("the embedded queues do not support message attributes"));
    }
    Ok(NewMessage { body, group, delay_s: delay_s.unwrap_or(0) })
}

/// The request of any batch operation.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BatchRequest<E> {
    pub(super) queue_url: String,
    pub(super) entries: Vec<E>,
}

/// The request of `ReceiveMessage`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReceiveRequest {
    pub(super) queue_url: String,
    pub(super) max_number_of_messages: Option<usize>,
    pub(super) visibility_timeout: Option<i64>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
}

impl ReceiveRequest {
    /// Whether a system attribute is requested, in the older or the newer list.
    pub(super) fn wants(&self, name: &str) -> bool {
        let mut requested = self.attribute_names.iter().chain(&self.message_system_attribute_names);
        requested.any(|one| one == "All" || one == name)
    }
}

/// The request of `DeleteMessage`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteRequest {
    pub(super) queue_url: String,
    pub(super) receipt_handle: String,
}

/// An entry of `DeleteMessageBatch`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteEntry {
    pub(super) id: String,
    pub(super) receipt_handle: String,
}

/// The request of `ChangeMessageVisibility`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeVisibilityRequest {
    pub(super) queue_url: String,
    pub(super) receipt_handle: String,
    pub(super) visibility_timeout: i64,
}

/// An entry of `ChangeMessageVisibilityBatch`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeEntry {
    pub(super) id: String,
    pub(super) receipt_handle: String,
    pub(super) visibility_timeout: i64,
}

/// The request of `GetQueueUrl`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct QueueUrlRequest {
    pub(super) queue_name: String,
}

/// The request of `GetQueueAttributes`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct QueueAttributesRequest {
    pub(super) queue_url: String,
    #[serde(default)]
    attribute_names: Vec<String>,
}

impl QueueAttributesRequest {
    /// Whether an attribute is requested.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.attribute_names.iter().any(|one| one == "All" || one == name)
    }
}
