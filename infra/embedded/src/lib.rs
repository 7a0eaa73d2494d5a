//! DynamoDB, its stream and SQS in one process, for the unmodified AWS clients.
//!
//! The [`AwsBackend`] of an [`Embedded`] answers the calls of the DynamoDB and SQS clients. The clients sign, serialise
//! and parse as in production; only the socket is missing. The README says how to add an operation.

mod call;
mod clock;
mod connector;
mod counting;
mod dynamo;
mod error;
mod instance;
mod queues;
mod serve;
mod sqs;
mod stream;
mod table;

pub use call::{AwsBackend, AwsCall, AwsResponse, CallError, ResponseFuture, Service};
pub use clock::Clock;
pub use connector::{Connector, dynamodb, sqs};
pub use counting::{CountingBackend, Counts, Snapshot, UnitKind, UnitTarget};
pub use dynamo::{Dynamo, is_write};
pub use error::EmbeddedError;
pub use instance::Embedded;
pub use queues::{Message, NewMessage, QueueError, QueueSpec, Queues, SentMessage};
pub use serve::serve;
pub use stream::{Record, Stream};
pub use table::TABLE;
