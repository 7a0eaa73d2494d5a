//! Faults of SQS: messages are doubled, delayed, reordered or lost, and entries of a batch fail.

use embedded::{AwsCall, AwsResponse, CallError};
use serde_json::{Value, json};

use super::{Fault, FaultState, Faults};

/// The most copies of a message, without the message itself.
const MOST_COPIES: u32 = 4;
/// The most seconds by which a message is delayed that only changes places.
const SWAP_S: i64 = 5;
/// The longest delay that SQS takes, in seconds.
const MAX_DELAY_S: i64 = 900;

/// The faults of one message.
struct Treatment {
    /// How often it is sent; 0 if it is lost.
    times: u32,
    /// The further delay of each copy, in seconds.
    delays: Vec<i64>,
}

impl Faults {
    /// Makes a call to a queue.
    pub(super) async fn queue_call(&self, call: AwsCall<'_>) -> Result<AwsResponse, CallError> {
        match call.operation {
            "SendMessage" => self.send(call).await,
            "SendMessageBatch" => self.send_batch(call).await,
            "ReceiveMessage" => self.receive(call).await,
            _ => self.inner.call(call).await,
        }
    }

    async fn send(&self, call: AwsCall<'_>) -> Result<AwsResponse, CallError> {
        let Ok(request) = serde_json::from_slice::<Value>(call.body) else {
            return self.inner.call(call).await;
        };
        let treatment = self.treatment(call.operation, &request["QueueUrl"], &request["MessageBody"]);
        self.meet(call, request, &treatment).await
    }

    /// Sends each entry of a batch by itself, with its own faults, and joins the answers into one.
    async fn send_batch(&self, call: AwsCall<'_>) -> Result<AwsResponse, CallError> {
        let Ok(mut request) = serde_json::from_slice::<Value>(call.body) else {
            return self.inner.call(call).await;
        };
        let mut failed = Vec::new();
        let mut copies = Vec::new();
        let mut lost = Vec::new();
        let queue = request["QueueUrl"].clone();
        let entries = request["Entries"].as_array().cloned().unwrap_or_default();
        let mut kept = Vec::new();
        for mut entry in entries {
            if self.entry_fails() {
                failed.push(json!({
                    "Id": entry["Id"], "SenderFault": false, "Code": "InternalError", "Message": "try again",
                }));
                continue;
            }
            let treatment = self.treatment(call.operation, &queue, &entry["MessageBody"]);
            if treatment.times == 0 {
                lost.push(json!({
                    "Id": entry["Id"], "MessageId": LOST, "MD5OfMessageBody": md5_of(&entry["MessageBody"]),
                }));
                continue;
            }
            for delay in &treatment.delays[1..] {
                copies.push(delayed(entry.clone(), *delay));
            }
            entry = delayed(entry, treatment.delays[0]);
            kept.push(entry);
        }
        let mut answer = if kept.is_empty() && !(failed.is_empty() && lost.is_empty()) {
            AwsResponse::ok(json!({ "Successful": [], "Failed": [] }).to_string())
        } else {
            request["Entries"] = Value::Array(kept);
            self.inner.call(AwsCall { body: request.to_string().as_bytes(), ..call }).await?
        };
        if !answer.is_ok() {
            return Ok(answer);
        }
        for copy in copies {
            let mut message = copy;
            message["QueueUrl"] = queue.clone();
            self.inner.call(single(call, message.to_string().as_bytes())).await?;
        }
        let Ok(mut value) = serde_json::from_slice::<Value>(&answer.body) else { return Ok(answer) };
        append(&mut value["Successful"], lost);
        append(&mut value["Failed"], failed);
        answer.body = value.to_string().into_bytes();
        Ok(answer)
    }

    async fn receive(&self, call: AwsCall<'_>) -> Result<AwsResponse, CallError> {
        let mut answer = self.inner.call(call).await?;
        if let Ok(mut value) = serde_json::from_slice::<Value>(&answer.body)
            && let Some(messages) = value["Messages"].as_array_mut()
        {
            self.shuffle(messages);
            answer.body = value.to_string().into_bytes();
        }
        Ok(answer)
    }

    /// Sends every copy of a message with its delay. The caller gets the first answer.
    async fn meet(
        &self,
        call: AwsCall<'_>,
        message: Value,
        treatment: &Treatment,
    ) -> Result<AwsResponse, CallError> {
        let mut first = None;
        for delay in &treatment.delays {
            let message = delayed(message.clone(), *delay);
            let answer = self.inner.call(AwsCall { body: message.to_string().as_bytes(), ..call }).await?;
            if first.get_or_insert(answer).status != 200 {
                break;
            }
        }
        Ok(first.unwrap_or_else(|| {
            let md5 = md5_of(&message["MessageBody"]);
            AwsResponse::ok(json!({ "MessageId": LOST, "MD5OfMessageBody": md5 }).to_string())
        }))
    }

    fn entry_fails(&self) -> bool {
        let mut state = self.state();
        let fails = state.draw(self.plan().batch_failed);
        if fails {
            state.log.inject("SendMessageBatch", Fault::BatchFailed);
        }
        fails
    }

    /// Draws the faults of a message.
    fn treatment(&self, operation: &str, queue: &Value, body: &Value) -> Treatment {
        let plan = self.plan();
        let mut state = self.state();
        let name = queue.as_str().and_then(|url| url.rsplit('/').next()).unwrap_or_default();
        if plan.lossy.contains(name) && state.draw(plan.lost) {
            state.log.lose(operation, body.as_str().unwrap_or_default());
            return Treatment { times: 0, delays: Vec::new() };
        }
        let mut times = 1;
        if state.draw(plan.doubled) {
            times += state.rng.u32(1..=MOST_COPIES);
            state.log.inject(operation, Fault::Doubled);
        }
        let delays: Vec<i64> = (0..times).map(|_| self.delay(operation, &mut state)).collect();
        let first = delays.iter().copied().min().unwrap_or_default();
        if first > 0 {
            state.log.keep_back(body.as_str().unwrap_or_default(), first);
        }
        Treatment { times, delays }
    }

    /// Draws the delay of a message.
    fn delay(&self, operation: &str, state: &mut FaultState) -> i64 {
        let plan = self.plan();
        if plan.delay_s > 0 && state.draw(plan.delayed) {
            state.log.inject(operation, Fault::Delayed);
            return state.rng.i64(1..=plan.delay_s);
        }
        if state.draw(plan.reordered) {
            state.log.inject(operation, Fault::Reordered);
            return state.rng.i64(0..=SWAP_S);
        }
        0
    }
}

/// The id of a lost message.
const LOST: &str = "00000000-0000-4000-8000-ffffffffffff";

/// Delays a message further, up to the longest delay of SQS.
fn delayed(mut message: Value, seconds: i64) -> Value {
    if seconds > 0 {
        let own = message["DelaySeconds"].as_i64().unwrap_or_default();
        message["DelaySeconds"] = (own + seconds).min(MAX_DELAY_S.max(own)).into();
    }
    message
}

/// The call that sends one message.
fn single<'a>(call: AwsCall<'a>, body: &'a [u8]) -> AwsCall<'a> {
    AwsCall { operation: "SendMessage", body, ..call }
}

/// The hash of a body, which clients compare with their own.
fn md5_of(body: &Value) -> String {
    format!("{:x}", md5::compute(body.as_str().unwrap_or_default()))
}

/// Adds to a list of the answer; creates the list if it is missing.
fn append(list: &mut Value, more: Vec<Value>) {
    match list.as_array_mut() {
        Some(list) => list.extend(more),
        None => *list = Value::Array(more),
    }
}
