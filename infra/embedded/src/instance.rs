//! The whole of it: one database, its queues and its stream.

use std::path::Path;
use std::sync::Arc;

use dynoxide::Database;
use tokio::sync::watch;

use crate::clock::{Clock, DatabaseClock};
use crate::dynamo::{Dynamo, is_write};
use crate::error::EmbeddedError;
use crate::queues::{QueueSpec, Queues};
use crate::sqs;
use crate::stream::Stream;
use crate::wire::{Call, Reply, Service, Wire};

/// Database, queues and stream of one bundle, in files or in memory.
#[derive(Clone)]
pub struct Embedded {
    wire: Arc<Local>,
    stream: Stream,
}

impl Embedded {
    /// Opens the files in `dir`, creating what is missing.
    ///
    /// The database reads the system's clock there, since it takes another only in memory; `clock` is the queues'.
    ///
    /// # Errors
    ///
    /// Fails if the directory or its files cannot be used, or a dead-letter queue is not declared.
    pub fn open(dir: &Path, queues: Vec<QueueSpec>, clock: Clock) -> Result<Self, EmbeddedError> {
        std::fs::create_dir_all(dir)
            .map_err(|source| EmbeddedError::Directory { path: dir.display().to_string(), source })?;
        let file = dir.join("table.sqlite");
        let path = file.to_string_lossy();
        let db = Database::new(&path).map_err(EmbeddedError::database("its file"))?;
        let queues = Queues::open(&dir.join("queue.sqlite"), queues, clock)?;
        Self::assemble(Dynamo::new(db)?, queues, Some(file))
    }

    /// Makes one that is gone with the process.
    ///
    /// # Errors
    ///
    /// Fails if a dead-letter queue is not declared.
    pub fn memory(queues: Vec<QueueSpec>, clock: Clock) -> Result<Self, EmbeddedError> {
        let db = Database::memory_with_clock(Arc::new(DatabaseClock(clock.clone())))
            .map_err(EmbeddedError::database("memory"))?;
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
        Ok(Self { wire: Arc::new(Local { dynamo, queues, written }), stream })
    }

    /// What answers the clients' calls.
    pub fn wire(&self) -> Arc<dyn Wire> {
        self.wire.clone()
    }

    /// The queues, for whoever polls them in this process.
    pub fn queues(&self) -> &Queues {
        &self.wire.queues
    }

    /// The database, for whoever asks it in this process.
    pub fn dynamo(&self) -> &Dynamo {
        &self.wire.dynamo
    }

    /// The stream, for whoever relays it in this process.
    pub fn stream(&self) -> Stream {
        self.stream.clone()
    }
}

/// Answers every service in process.
struct Local {
    dynamo: Dynamo,
    queues: Queues,
    written: Arc<watch::Sender<u64>>,
}

impl Wire for Local {
    fn call<'a>(&'a self, call: Call<'a>) -> Reply<'a> {
        Box::pin(async move {
            let answer = match call.service {
                Service::DynamoDb | Service::Streams => self.dynamo.answer(call.operation, call.body),
                Service::Sqs => sqs::answer(&self.queues, call.operation, call.body).await,
            };
            if answer.is_ok() && call.service == Service::DynamoDb && is_write(call.operation) {
                self.written.send_modify(|count| *count += 1);
            }
            Ok(answer)
        })
    }
}
