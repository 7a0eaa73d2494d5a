//! Faults of DynamoDB.

use embedded::{AwsCall, AwsResponse};
use fastrand::Rng;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The consistency of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// It sees every write before it.
    Consistent,
    /// It may miss the last writes.
    Eventual,
    /// It reads an index, which is never consistent.
    Index,
}

/// The fields of a read that decide its consistency.
#[derive(Deserialize)]
struct ReadRequest {
    #[serde(rename = "ConsistentRead", default)]
    consistent: bool,
    #[serde(rename = "IndexName")]
    index: Option<String>,
}

impl Read {
    /// Classifies a call. `None` if it is not a read, or is a transaction's read, which is consistent.
    pub(super) fn of(call: AwsCall<'_>) -> Option<Self> {
        match call.operation {
            "GetItem" | "Query" | "Scan" => {
                let request: ReadRequest = serde_json::from_slice(call.body).ok()?;
                Some(match (request.index, request.consistent) {
                    (Some(_), _) => Self::Index,
                    (None, true) => Self::Consistent,
                    (None, false) => Self::Eventual,
                })
            }
            "BatchGetItem" => {
                let request: Value = serde_json::from_slice(call.body).ok()?;
                let tables = request["RequestItems"].as_object()?;
                let consistent = tables.values().any(|table| table["ConsistentRead"] == true);
                Some(if consistent { Self::Consistent } else { Self::Eventual })
            }
            _ => None,
        }
    }
}

/// The refusal of a write, or of a transaction's read, because another transaction holds an item of it.
pub(super) fn conflict(operation: &str, body: &[u8], rng: &mut Rng) -> Option<AwsResponse> {
    match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" => Some(AwsResponse::error(
            400,
            "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
            "Transaction is ongoing for the item",
        )),
        "TransactWriteItems" | "TransactGetItems" => {
            let request: Value = serde_json::from_slice(body).ok()?;
            let count = request["TransactItems"].as_array().map_or(0, Vec::len);
            let hit = rng.usize(..count.max(1));
            let (mut codes, mut reasons) = (Vec::new(), Vec::new());
            for n in 0..count {
                let code = if n == hit { "TransactionConflict" } else { "None" };
                codes.push(code);
                reasons.push(match n == hit {
                    true => json!({ "Code": code, "Message": "Transaction is ongoing for the item" }),
                    false => json!({ "Code": code }),
                });
            }
            let body = json!({
                "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                "Message": format!(
                    "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
                    codes.join(", ")
                ),
                "CancellationReasons": reasons,
            });
            Some(AwsResponse { status: 400, body: body.to_string().into_bytes(), query_error: None })
        }
        _ => None,
    }
}

/// A batch of which some items are left unprocessed.
pub(super) struct Split {
    /// The request with the items that are processed.
    pub(super) body: Vec<u8>,
    /// The field of the answer that names the others.
    member: &'static str,
    /// The others by table, as the answer has them.
    left: Map<String, Value>,
}

/// Draws which items of a batch are left unprocessed. At least one is processed: otherwise AWS refuses the batch.
pub(super) fn split_batch(call: AwsCall<'_>, rate: f64, rng: &mut Rng) -> Option<Split> {
    let member = match call.operation {
        "BatchWriteItem" => "UnprocessedItems",
        "BatchGetItem" => "UnprocessedKeys",
        _ => return None,
    };
    if rate <= 0.0 {
        return None;
    }
    let mut request: Value = serde_json::from_slice(call.body).ok()?;
    let mut left = Map::new();
    let mut done_any = false;
    for (table, wanted) in request["RequestItems"].as_object_mut()? {
        let rest = match wanted {
            Value::Array(writes) => Value::Array(leave_some(writes, rate, rng, &mut done_any)),
            reads => {
                let keys = reads["Keys"].as_array_mut()?;
                let rest = leave_some(keys, rate, rng, &mut done_any);
                let mut unprocessed = reads.clone();
                unprocessed["Keys"] = Value::Array(rest);
                unprocessed
            }
        };
        let count = rest.as_array().or_else(|| rest["Keys"].as_array()).map_or(0, Vec::len);
        if count > 0 {
            left.insert(table.clone(), rest);
        }
    }
    if left.is_empty() {
        return None;
    }
    // A table without any item is left out of the request.
    request["RequestItems"].as_object_mut()?.retain(|_, wanted| {
        wanted.as_array().or_else(|| wanted["Keys"].as_array()).is_some_and(|wanted| !wanted.is_empty())
    });
    Some(Split { body: serde_json::to_vec(&request).ok()?, member, left })
}

/// Removes some of `wanted` and returns them, but never the first of the batch.
fn leave_some(wanted: &mut Vec<Value>, rate: f64, rng: &mut Rng, done_any: &mut bool) -> Vec<Value> {
    let mut left = Vec::new();
    wanted.retain(|one| {
        if *done_any && rng.f64() < rate {
            left.push(one.clone());
            return false;
        }
        *done_any = true;
        true
    });
    left
}

impl Split {
    /// Names the unprocessed items in the answer.
    pub(super) fn hand_back(self, answer: &mut AwsResponse) {
        if !answer.is_ok() {
            return;
        }
        let Ok(mut value) = serde_json::from_slice::<Value>(&answer.body) else { return };
        value[self.member] = Value::Object(self.left);
        answer.body = value.to_string().into_bytes();
    }
}
