//! Answers SQS's operations from the queues.

mod batch;
mod requests;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::connector::ENDPOINT;
use crate::queues::{Message, NewMessage, QueueError, Queues};
use crate::wire::Answer;
use requests::{Attributes, ChangeVisibility, Delete, QueueUrl, Receive, Send};

/// An error as SQS words it: the bare name, the older code beside it, the message.
pub(crate) struct Refusal {
    kind: &'static str,
    code: &'static str,
    message: String,
}

impl Refusal {
    /// A refusal whose older code is the same as its name.
    fn plain(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code: kind, message: message.into() }
    }

    /// A refusal of what these queues cannot do.
    fn unsupported(message: impl Into<String>) -> Self {
        let code = "AWS.SimpleQueueService.UnsupportedOperation";
        Self { kind: "UnsupportedOperation", code, message: message.into() }
    }
}

impl From<QueueError> for Refusal {
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

/// Answers one operation; what was sent is on the disk first.
pub(crate) async fn answer(queues: &Queues, operation: &str, body: &[u8]) -> Answer {
    let outcome = outcome(queues, operation, body);
    let forced = match operation {
        "SendMessage" | "SendMessageBatch" if outcome.is_ok() => queues.force().await,
        _ => Ok(()),
    };
    match outcome.and_then(|value| forced.map(|()| value).map_err(Refusal::from)) {
        Ok(value) => Answer::ok(value.to_string()),
        Err(Refusal { kind, code, message }) => {
            let status = if kind == "InternalFailure" { 500 } else { 400 };
            let fault = if status == 500 { "Receiver" } else { "Sender" };
            let mut answer = Answer::error(status, &format!("com.amazonaws.sqs#{kind}"), &message);
            answer.query_error = Some(format!("{code};{fault}"));
            answer
        }
    }
}

/// What comes of one operation.
fn outcome(queues: &Queues, operation: &str, body: &[u8]) -> Result<Value, Refusal> {
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
        other => Err(Refusal::unsupported(format!("the embedded queues have no operation `{other}`"))),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::plain("SerializationException", error.to_string()))
}

/// The name in a queue's URL, whatever host it was reached by.
fn name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

/// The URL of a queue.
fn url(queue: &str) -> String {
    format!("{ENDPOINT}/queue/{queue}")
}

/// The hash that clients compare with their own.
fn md5_of(body: &str) -> String {
    format!("{:x}", md5::compute(body))
}

fn send(queues: &Queues, request: Send) -> Result<Value, Refusal> {
    let queue = request.queue_url.clone();
    let message = request.into_message()?;
    let digest = md5_of(&message.body);
    let sent = queues.send(name(&queue), message)?;
    Ok(json!({ "MessageId": sent.id, "MD5OfMessageBody": digest }))
}

fn receive(queues: &Queues, request: &Receive) -> Result<Value, Refusal> {
    let max = request.max_number_of_messages.unwrap_or(1);
    if !(1..=10).contains(&max) {
        return Err(Refusal::plain(
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

/// A received message, with the system attributes asked for.
fn received(message: &Message, request: &Receive) -> Value {
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

fn delete(queues: &Queues, request: &Delete) -> Result<Value, Refusal> {
    queues.delete(name(&request.queue_url), &request.receipt_handle)?;
    Ok(json!({}))
}

fn change_visibility(queues: &Queues, request: &ChangeVisibility) -> Result<Value, Refusal> {
    queues.change_visibility(
        name(&request.queue_url),
        &request.receipt_handle,
        request.visibility_timeout,
    )?;
    Ok(json!({}))
}

fn queue_url(queues: &Queues, request: &QueueUrl) -> Result<Value, Refusal> {
    queues.arrived(&request.queue_name)?;
    Ok(json!({ "QueueUrl": url(&request.queue_name) }))
}

fn list(queues: &Queues) -> Value {
    let urls: Vec<String> = queues.specs().map(|spec| url(&spec.name)).collect();
    json!({ "QueueUrls": urls })
}

fn attributes(queues: &Queues, request: &Attributes) -> Result<Value, Refusal> {
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
