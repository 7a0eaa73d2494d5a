//! One request and its answer, as the wire sees them.

use std::future::Future;
use std::pin::Pin;

/// Which of the services a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// The database.
    DynamoDb,
    /// The database's stream.
    Streams,
    /// The queues.
    Sqs,
}

impl Service {
    /// Names the service as metrics and logs do.
    pub fn name(self) -> &'static str {
        match self {
            Self::DynamoDb => "dynamodb",
            Self::Streams => "dynamodbstreams",
            Self::Sqs => "sqs",
        }
    }

    /// Reads an `x-amz-target` header into service and operation.
    pub fn from_target(target: &str) -> Option<(Self, &str)> {
        let (prefix, operation) = target.split_once('.')?;
        let service = match prefix {
            "DynamoDB_20120810" => Self::DynamoDb,
            "DynamoDBStreams_20120810" => Self::Streams,
            "AmazonSQS" => Self::Sqs,
            _ => return None,
        };
        Some((service, operation))
    }
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Whom it is for.
    pub service: Service,
    /// The operation, such as `GetItem`.
    pub operation: &'a str,
    /// The JSON body.
    pub body: &'a [u8],
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: Vec<u8>,
    /// The `x-amzn-query-error` header, by which clients of SQS tell its errors apart.
    pub query_error: Option<String>,
}

impl Answer {
    /// Answers 200.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, body: body.into(), query_error: None }
    }

    /// Answers with an error in the JSON protocol; `kind` is the qualified or bare name of the exception.
    pub fn error(status: u16, kind: &str, message: &str) -> Self {
        let body = serde_json::json!({ "__type": kind, "message": message });
        Self { status, body: body.to_string().into_bytes(), query_error: None }
    }

    /// Whether the call did what was asked.
    pub fn is_ok(&self) -> bool {
        self.status == 200
    }
}

/// A call that was never answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The connection failed; nothing was applied.
    #[error("connection reset before the request was applied")]
    BeforeApplying,
    /// The answer got lost; the request was applied.
    #[error("timed out after the request was applied")]
    AfterApplying,
    /// The caller itself is no more; whatever it still does must change nothing.
    #[error("the calling function was killed")]
    Killed,
}

/// The answer to come.
pub type Reply<'a> = Pin<Box<dyn Future<Output = Result<Answer, Broken>> + Send + 'a>>;

/// What answers calls. Decorators that count or inject faults wrap another.
pub trait Wire: Send + Sync + 'static {
    /// Answers one call.
    fn call<'a>(&'a self, call: Call<'a>) -> Reply<'a>;
}
