//! Answers DynamoDB operations with the embedded database.

use std::sync::Arc;

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::{AwsBackend, AwsCall, AwsResponse, ResponseFuture};
use crate::clock::{Clock, DatabaseClock};
use crate::error::EmbeddedError;
use crate::table::{self, Recording};

/// The embedded DynamoDB without queues: the database itself, or a replica for tests.
#[derive(Clone)]
pub struct Dynamo {
    db: Database,
}

impl Dynamo {
    /// Creates an empty replica in memory. It records nothing on its stream.
    ///
    /// # Errors
    ///
    /// Fails if SQLite cannot be started, for lack of memory.
    pub fn replica(clock: Clock) -> Result<Self, EmbeddedError> {
        let db = Database::memory_with_clock(Arc::new(DatabaseClock(clock)))
            .map_err(EmbeddedError::database("opening it in memory"))?;
        table::ensure(&db, Recording::Nothing)?;
        Ok(Self { db })
    }

    /// Wraps an open database, and creates the table if it is missing.
    pub(crate) fn new(db: Database) -> Result<Self, EmbeddedError> {
        table::ensure(&db, Recording::Stream)?;
        Ok(Self { db })
    }

    /// The underlying database.
    pub(crate) fn database(&self) -> &Database {
        &self.db
    }

    /// Answers an operation. It blocks for 0.1 to 0.7 ms.
    pub fn answer(&self, operation: &str, body: &[u8]) -> AwsResponse {
        let db = &self.db;
        match operation {
            "GetItem" => run(operation, body, |q| db.get_item(q)),
            "PutItem" => run(operation, body, |q| db.put_item(q)),
            "UpdateItem" => run(operation, body, |q| db.update_item(q)),
            "DeleteItem" => run(operation, body, |q| db.delete_item(q)),
            "Query" => run(operation, body, |q| db.query(q)),
            "Scan" => run(operation, body, |q| db.scan(q)),
            "BatchGetItem" => run(operation, body, |q| db.batch_get_item(q)),
            "BatchWriteItem" => run(operation, body, |q| db.batch_write_item(q)),
            "TransactGetItems" => run(operation, body, |q| db.transact_get_items(q)),
            "TransactWriteItems" => run(operation, body, |q| db.transact_write_items(q)),
            "CreateTable" => run(operation, body, |q| db.create_table(q)),
            "DeleteTable" => run(operation, body, |q| db.delete_table(q)),
            "DescribeTable" => run(operation, body, |q| db.describe_table(q)),
            "ListTables" => run(operation, body, |q| db.list_tables(q)),
            "UpdateTimeToLive" => run(operation, body, |q| db.update_time_to_live(q)),
            "DescribeTimeToLive" => run(operation, body, |q| db.describe_time_to_live(q)),
            "ListStreams" => run(operation, body, |q| db.list_streams(q)),
            "DescribeStream" => run(operation, body, |q| db.describe_stream(q)),
            "GetShardIterator" => run(operation, body, |q| db.get_shard_iterator(q)),
            "GetRecords" => run(operation, body, |q| db.get_records(q)),
            other => AwsResponse::error(
                400,
                "com.amazon.coral.service#UnknownOperationException",
                &format!("the embedded database does not support the operation `{other}`"),
            ),
        }
    }
}

impl AwsBackend for Dynamo {
    fn call<'a>(&'a self, call: AwsCall<'a>) -> ResponseFuture<'a> {
        Box::pin(async move { Ok(self.answer(call.operation, call.body)) })
    }
}

/// Whether an operation may change items.
pub fn is_write(operation: &str) -> bool {
    matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems")
}

/// Parses a request, runs it, and writes the response or the error.
fn run<Q, R>(operation: &str, body: &[u8], ask: impl FnOnce(Q) -> dynoxide::Result<R>) -> AwsResponse
where
    Q: DeserializeOwned,
    R: Serialize,
{
    let outcome = serde_json::from_slice(body).map_err(unreadable).and_then(ask);
    match outcome {
        Ok(response) => match serde_json::to_vec(&response) {
            Ok(body) => AwsResponse::ok(body),
            Err(error) => error_response(operation, &DynoxideError::InternalServerError(error.to_string())),
        },
        Err(error) => error_response(operation, &error),
    }
}

/// Writes an error as DynamoDB writes it.
///
/// DynamoDB puts the message about an invalid value into the envelope of request validation for a put or an update only.
fn error_response(operation: &str, error: &DynoxideError) -> AwsResponse {
    let body = match error {
        DynoxideError::EnvelopedValidation(message) => {
            let message = match operation {
                "PutItem" | "UpdateItem" => format!("1 validation error detected: {message}"),
                _ => message.clone(),
            };
            DynoxideError::ValidationException(message).to_json()
        }
        other => other.to_json(),
    };
    AwsResponse { status: error.status_code(), body: body.into_bytes(), query_error: None }
}

/// Classifies a request that cannot be parsed, and removes the prefixes that the database's own server would remove.
fn unreadable(error: serde_json::Error) -> DynoxideError {
    let raw = error.to_string();
    let text = match raw.rfind(" at line ") {
        Some(at) if raw[at..].contains("column") => &raw[..at],
        _ => raw.as_str(),
    };
    let (mark, message) = text.split_once(':').unwrap_or(("", text));
    let message = || message.to_owned();
    match mark {
        "VALIDATION_REQUEST" => DynoxideError::EnvelopedValidation(message()),
        "VALIDATION" | "VALIDATION_AS_READ" => DynoxideError::ValidationException(message()),
        "SERIALIZATION" | "SERIALIZATION_AS_READ" => DynoxideError::SerializationException(message()),
        _ => DynoxideError::ValidationException(text.to_owned()),
    }
}
