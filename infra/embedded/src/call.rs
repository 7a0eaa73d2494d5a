//! A call to an AWS service, its response, and the backends that answer calls.

use std::future::Future;
use std::pin::Pin;

use strum::IntoStaticStr;

/// An embedded AWS service; its name is the one in metrics and logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Service {
    /// DynamoDB.
    DynamoDb,
    /// DynamoDB Streams.
    #[strum(serialize = "dynamodbstreams")]
    Streams,
    /// SQS.
    Sqs,
}

impl Service {
    /// The name in metrics and logs.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Splits an `x-amz-target` header into service and operation; `None` if the service is unknown.
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

/// A call to an AWS service.
#[derive(Debug, Clone, Copy)]
pub struct AwsCall<'a> {
    /// The service.
    pub service: Service,
    /// The operation, such as `GetItem`.
    pub operation: &'a str,
    /// The JSON body.
    pub body: &'a [u8],
}

/// The response to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsResponse {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: Vec<u8>,
    /// The `x-amzn-query-error` header, by which SQS clients distinguish errors.
    pub query_error: Option<String>,
}

impl AwsResponse {
    /// A response with status 200.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, body: body.into(), query_error: None }
    }

    /// An error of the JSON protocol; `kind` is the name of the exception, qualified or not.
    pub fn error(status: u16, kind: &str, message: &str) -> Self {
        let body = serde_json::json!({ "__type": kind, "message": message });
        Self { status, body: body.to_string().into_bytes(), query_error: None }
    }

    /// Whether the call succeeded.
    pub fn is_ok(&self) -> bool {
        self.status == 200
    }
}

/// Why a call got no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The connection failed; nothing was applied.
    #[error("connection reset before the request was applied")]
    BeforeApplying,
    /// The response was lost; the request was applied.
    #[error("timed out after the request was applied")]
    AfterApplying,
    /// The calling function was killed; none of its further calls may change anything.
    #[error("the calling function was killed")]
    Killed,
}

/// The pending response to a call.
pub type ResponseFuture<'a> = Pin<Box<dyn Future<Output = Result<AwsResponse, CallError>> + Send + 'a>>;

/// Answers calls to AWS services. Decorators that count calls or inject faults wrap another backend.
pub trait AwsBackend: Send + Sync + 'static {
    /// Answers a call.
    fn call<'a>(&'a self, call: AwsCall<'a>) -> ResponseFuture<'a>;
}
