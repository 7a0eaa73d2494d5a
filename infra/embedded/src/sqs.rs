//! Answers SQS operations with the embedded queues.

mod batch;
mod requests;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::call::AwsResponse;
use crate::connector::ENDPOINT;
use crate::queues::{Message, NewMessage, QueueError, Queues};
use requests::{
    ChangeVisibilityRequest, DeleteRequest, QueueAttributesRequest, QueueUrlRequest, ReceiveRequest,
    SendRequest,
};

/// An SQS error: its name, its code in the older query protocol, and its message.
pub(crate) struct SqsError {
    kind: &'static str,
    code: &'static str,
    message: String,
}

impl SqsError {
    /// An error whose code is its name.
    fn plain(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code: kind, message: message.into() }
    }

    /// An error for a feature that the embedded queues do not have.
    fn unsupported(message: impl Into<String>) -> Self {
        let code = "AWS.SimpleQueueService.UnsupportedOperation";
        Self { kind: "UnsupportedOperation", code, message: message.into() }
    }
}

impl From<QueueError> for SqsError {
    fn from(error: QueueError) -> Self {
        let message = error.to_string();
        let (kind, code) = match error {
            QueueError::NoQueue(_) => ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"),
            QueueError::BadReceipt(_) => ("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"),
            QueueError::NotInFlight(_) => ("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"),
            QueueError::Invalid(_) => ("InvalidParameterValue", "InvalidParameterValue"),
            QueueError::File(_) | QueueError::Disk(_) => ("InternalFailure", "InternalFailure"),
        };
        Self { kind, code, message }
    }
}

/// Answers an operation. A sent message is on the disk before the answer.
pub(crate) async fn answer(queues: &Queues, operation: &str, body: &[u8]) -> AwsResponse {
    let outcome = run(queues, operation, body);
    let synced = match operation {
        "SendMessage" | "SendMessageBatch" if outcome.is_ok() => queues.sync().await,
        _ => Ok(()),
    };
    match outcome.and_then(|value| synced.map(|()| value).map_err(SqsError::from)) {
        Ok(value) => AwsResponse::ok(value.to_string()),
        Err(SqsError { kind, code, message }) => {
            let status = if kind == "InternalFailure" { 500 } else { 400 };
            let fault = if status == 500 { "Receiver" } else { "Sender" };
            let mut response = AwsResponse::error(status, &format!("com.amazonaws.sqs#{kind}"), &message);
            response.query_error = Some(format!("{code};{fault}"));
            response
        }
    }
}

/// Runs an operation.
fn run(queues: &Queues, operation: &str, body: &[u8]) -> Result<Value, SqsError> {
    match operation {
        "SendMessage" => parse(body).and_then(|q| send(queues, q)),
        "SendMessageBatch" => parse(body).and_then(|q| batch::send(queues, q)),
        "ReceiveMessage" => parse(body).and_then(|q| receive(queues, &q)),
        "DeleteMessage" => parse(body).and_then(|q| delete(queues, &q)),
        "DeleteMessageBatch" => parse(body).and_then(|q| batch::delete(queues, q)),
        "ChangeMessageVisibility" => parse(body).and_then(|q| change_visibility(queues, &q)),
        "ChangeMessageVisibilityBatch" => parse(body).and_then(|q| batch::change_visibility(queues, q)),
        "GetQueueUrl" => parse(body).and_then(|q| queue_url(queues, &q)),
        "GetQueueAttributes" => parse(body).and_then(|q| attributes(queues, &q)),
        "ListQueues" => Ok(list(queues)),
        other => {
            Err(SqsError::unsupported(format!("the embedded queues do not support the operation `{other}`")))
        }
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, SqsError> {
    serde_json::from_slice(body).map_err(|error| SqsError::plain("SerializationException", error.to_string()))
}

/// The name of the queue in a URL. The host may be any.
fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

/// The URL of a queue.
fn url(queue: &str) -> String {
    format!("{ENDPOINT}/queue/{queue}")
}

/// The MD5 digest that clients compare with their own.
fn md5_of(body: &str) -> String {
    format!("{:x}", md5::compute(body))
}

fn send(queues: &Queues, request: SendRequest) -> Result<Value, SqsError> {
    let queue = request.queue_url.clone();
    let message = request.into_message()?;
    let digest = md5_of(&message.body);
    let sent = queues.send(name(&queue), message)?;
    Ok(json!({ "MessageId": sent.id, "MD5OfMessageBody": digest }))
}

fn receive(queues: &Queues, request: &ReceiveRequest) -> Result<Value, SqsError> {
    let max = request.max_number_of_messages.unwrap_or(1);
    if !(1..=10).contains(&max) {
        return Err(SqsError::plain(
            "InvalidParameterValue",
            format!(
                "value {max} for parameter MaxNumberOfMessages is invalid. Reason: must be between 1 and 10"
            ),
        ));
    }
    let queue = name(&request.queue_url);
    let messages = match request.visibility_timeout {
        Some(timeout) => queues.receive_for(queue, max, timeout)?,
        None => queues.receive(queue, max)?,
    };
    if messages.is_empty() {
        return Ok(json!({}));
    }
    let messages: Vec<Value> = messages.iter().map(|message| received(message, request)).collect();
    Ok(json!({ "Messages": messages }))
}

/// A received message in the response, with the requested system attributes.
fn received(message: &Message, request: &ReceiveRequest) -> Value {
    let group = message.group.clone().map(|group| ("MessageGroupId", group));
    let all = [
        Some(("SentTimestamp", message.sent_at.to_string())),
        Some(("ApproximateReceiveCount", message.receives.to_string())),
        Some(("ApproximateFirstReceiveTimestamp", message.first_received_at.to_string())),
        Some(("SenderId", "embedded".to_owned())),
        group,
    ];
    let attributes: Map<String, Value> = all
        .into_iter()
        .flatten()
        .filter(|(name, _)| request.wants(name))
        .map(|(name, value)| (name.to_owned(), Value::String(value)))
        .collect();
    let mut value = json!({
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "MD5OfBody": md5_of(&message.body),
        "Body": message.body,
    });
    if !attributes.is_empty() {
        value["Attributes"] = Value::Object(attributes);
    }
    value
}

fn delete(queues: &Queues, request: &DeleteRequest) -> Result<Value, SqsError> {
    queues.delete(name(&request.queue_url), &request.receipt_handle)?;
    Ok(json!({}))
}

fn change_visibility(queues: &Queues, request: &ChangeVisibilityRequest) -> Result<Value, SqsError> {
    queues.change_visibility(
        name(&request.queue_url),
        &request.receipt_handle,
        request.visibility_timeout,
    )?;
    Ok(json!({}))
}

fn queue_url(queues: &Queues, request: &QueueUrlRequest) -> Result<Value, SqsError> {
    queues.arrived(&request.queue_name)?;
    Ok(json!({ "QueueUrl": url(&request.queue_name) }))
}

fn list(queues: &Queues) -> Value {
    let urls: Vec<String> = queues.specs().map(|spec| url(&spec.name)).collect();
    json!({ "QueueUrls": urls })
}

fn attributes(queues: &Queues, request: &QueueAttributesRequest) -> Result<Value, SqsError> {
    let queue = name(&request.queue_url);
    let (visible, in_flight, delayed) = queues.counts(queue)?;
    let mut all = Map::new();
    let mut add = |name: &str, value: String| {
        if request.wants(name) {
            all.insert(name.to_owned(), Value::String(value));
        }
    };
    add("ApproximateNumberOfMessages", visible.to_string());
    add("ApproximateNumberOfMessagesNotVisible", in_flight.to_string());
    add("ApproximateNumberOfMessagesDelayed", delayed.to_string());
    add("QueueArn", arn(queue));
    add("MessageRetentionPeriod", (14 * 24 * 3600).to_string());
    if let Some(spec) = queues.specs().find(|spec| spec.name == queue) {
        add("VisibilityTimeout", spec.visibility_timeout_s.to_string());
        if let Some(dead_letter) = &spec.dead_letter {
            let policy =
                json!({ "deadLetterTargetArn": arn(dead_letter), "maxReceiveCount": spec.max_receive_count });
            add("RedrivePolicy", policy.to_string());
        }
    }
    Ok(json!({ "Attributes": all }))
}

/// A queue's ARN.
fn arn(queue: &str) -> String {
    format!("arn:aws:sqs:local:000000000000:{queue}")
}
