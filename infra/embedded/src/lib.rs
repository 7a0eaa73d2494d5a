//! AWS in one process: database, queues and stream, under the unmodified clients.
//!
//! An [`Embedded`] answers, through its [`Wire`], what the clients of DynamoDB and SQS send. The clients sign,
//! serialise and parse as in production; only the socket is missing. See the README for how to add an operation.

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
mod wire;

pub use clock::Clock;
pub use connector::{Connector, dynamodb, sqs};
pub use counting::{Arm, Counting, Counts, Kind, Snapshot};
pub use dynamo::{Dynamo, is_write};
pub use error::EmbeddedError;
pub use instance::Embedded;
pub use queues::{Message, NewMessage, QueueError, QueueSpec, Queues, Sent};
pub use serve::serve;
pub use stream::{Record, Stream};
pub use table::TABLE;
pub use wire::{Answer, Broken, Call, Reply, Service, Wire};
