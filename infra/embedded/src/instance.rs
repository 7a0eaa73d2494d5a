//! The embedded services together: one database, its stream and the queues.

use std::path::Path;
use std::sync::Arc;

use dynoxide::Database;
use tokio::sync::watch;

use crate::call::{AwsBackend, AwsCall, ResponseFuture, Service};
use crate::clock::{Clock, DatabaseClock};
use crate::dynamo::{Dynamo, is_write};
use crate::error::EmbeddedError;
use crate::queues::{QueueSpec, Queues};
use crate::sqs;
use crate::stream::Stream;

/// The embedded database, queues and stream, in files or in memory.
#[derive(Clone)]
pub struct Embedded {
    backend: Arc<InProcessBackend>,
    stream: Stream,
}

impl Embedded {
    /// Opens the files in `dir`, and creates them if they are missing.
    ///
    /// `clock` is the clock of the queues. The database accepts another clock in memory only; here it reads the
    /// system's clock.
    ///
    /// # Errors
    ///
    /// Fails if the directory or its files cannot be used, or a dead-letter queue is not declared.
    pub fn open(dir: &Path, queues: Vec<QueueSpec>, clock: Clock) -> Result<Self, EmbeddedError> {
        std::fs::create_dir_all(dir)
            .map_err(|source| EmbeddedError::Directory { path: dir.display().to_string(), source })?;
        let file = dir.join("table.sqlite");
        let path = file.to_string_lossy();
        let db = Database::new(&path).map_err(EmbeddedError::database("opening its file"))?;
        let queues = Queues::open(&dir.join("queue.sqlite"), queues, clock)?;
        Self::assemble(Dynamo::new(db)?, queues, Some(file))
    }

    /// Opens services in memory, which are lost with the process.
    ///
    /// # Errors
    ///
    /// Fails if a dead-letter queue is not declared.
    pub fn memory(queues: Vec<QueueSpec>, clock: Clock) -> Result<Self, EmbeddedError> {
        let db = Database::memory_with_clock(Arc::new(DatabaseClock(clock.clone())))
            .map_err(EmbeddedError::database("opening it in memory"))?;
        let queues = Queues::memory(queues, clock)?;
        Self::assemble(Dynamo::new(db)?, queues, None)
    }

    fn assemble(
        dynamo: Dynamo,
        queues: Queues,
        file: Option<std::path::PathBuf>,
    ) -> Result<Self, EmbeddedError> {
        let written = Arc::new(watch::Sender::new(0));
        let stream = Stream::new(dynamo.database().clone(), queues.clone(), written.clone(), file)?;
        Ok(Self { backend: Arc::new(InProcessBackend { dynamo, queues, written }), stream })
    }

    /// The backend that answers the clients' calls.
    pub fn backend(&self) -> Arc<dyn AwsBackend> {
        self.backend.clone()
    }

    /// The queues, for code that polls them in this process.
    pub fn queues(&self) -> &Queues {
        &self.backend.queues
    }

    /// The database, for code that reads it in this process.
    pub fn dynamo(&self) -> &Dynamo {
        &self.backend.dynamo
    }

    /// The stream, for code that reads it in this process.
    pub fn stream(&self) -> Stream {
        self.stream.clone()
    }
}

/// Answers the calls to all embedded services.
struct InProcessBackend {
    dynamo: Dynamo,
    queues: Queues,
    written: Arc<watch::Sender<u64>>,
}

impl AwsBackend for InProcessBackend {
    fn call<'a>(&'a self, call: AwsCall<'a>) -> ResponseFuture<'a> {
        Box::pin(async move {
            let response = match call.service {
                Service::DynamoDb | Service::Streams => self.dynamo.answer(call.operation, call.body),
                Service::Sqs => sqs::answer(&self.queues, call.operation, call.body).await,
            };
            if response.is_ok() && call.service == Service::DynamoDb && is_write(call.operation) {
                self.written.send_modify(|count| *count += 1);
            }
            Ok(response)
        })
    }
}
