//! Does what Lambda's event source mappings do: polls queues, follows the stream, runs schedules each minute.

mod consume;
mod follow;

use std::sync::Arc;
use std::time::Duration;

use app::Context;
use embedded::{Embedded, EmbeddedError, Message, Record, Stream};
use runtime::{BoxFuture, Function};
use tokio::task::JoinSet;
use tracing::error;

use crate::functions;

/// Runs invocations of functions. Tests implement it to kill an invocation.
pub trait Invoker: Send + Sync + 'static {
    /// Runs an invocation to its end; `None` if it was killed.
    fn invoke<'a>(
        &'a self,
        name: &'static str,
        running: BoxFuture<'a, InvocationResult>,
    ) -> BoxFuture<'a, Option<InvocationResult>>;

    /// May change the order of messages that are received together.
    fn reorder(&self, _messages: &mut [Message]) {}
}

/// The result of an invocation, by its trigger.
#[derive(Debug)]
pub enum InvocationResult {
    /// The ids of the messages that failed and are received again.
    Queue(Vec<String>),
    /// The sequence number of the first record that failed; it and all later ones are delivered again.
    Stream(Option<String>),
    /// A scheduled run has ended. The function logs its failure, and the next run catches up.
    Schedule,
}

/// Runs every invocation to its end.
#[derive(Debug, Clone, Copy, Default)]
pub struct DirectInvoker;

impl Invoker for DirectInvoker {
    fn invoke<'a>(
        &'a self,
        _: &'static str,
        running: BoxFuture<'a, InvocationResult>,
    ) -> BoxFuture<'a, Option<InvocationResult>> {
        Box::pin(async move { Some(running.await) })
    }
}

/// Reads the records of the stream. Tests implement it to repeat and reorder records.
pub trait StreamReader: Send + 'static {
    /// Reads the next records; empty if there are none.
    ///
    /// # Errors
    /// If the stream cannot be read.
    fn read(&mut self, max: usize) -> Result<Vec<Record>, EmbeddedError>;

    /// Stores that these records were handled.
    ///
    /// # Errors
    /// If that cannot be stored.
    fn checkpoint(&mut self, records: &[Record]) -> Result<(), EmbeddedError>;

    /// Whether records are held back that no later write announces.
    fn holds_back(&self) -> bool {
        false
    }
}

/// Reads the stream in order from its stored checkpoint.
pub struct CheckpointedReader(pub Stream);

impl StreamReader for CheckpointedReader {
    fn read(&mut self, max: usize) -> Result<Vec<Record>, EmbeddedError> {
        self.0.read(max)
    }

    fn checkpoint(&mut self, records: &[Record]) -> Result<(), EmbeddedError> {
        match records.last() {
            Some(last) => self.0.checkpoint(&last.sequence),
            None => Ok(()),
        }
    }
}

/// How often scheduled functions run.
const SCHEDULE_EVERY: Duration = Duration::from_secs(60);
/// How often handled stream records are removed.
const TRIM_EVERY: Duration = Duration::from_secs(10);

/// All functions, running.
pub struct Runner {
    /// The router of the functions that HTTP requests trigger.
    pub router: axum::Router,
    tasks: JoinSet<()>,
}

impl Runner {
    /// Starts all functions on the embedded services.
    pub fn start(
        context: &Context,
        embedded: &Embedded,
        invoker: Arc<dyn Invoker>,
        reader: Box<dyn StreamReader>,
    ) -> Self {
        let mut router = axum::Router::new();
        let mut tasks = JoinSet::new();
        let mut reader = Some(reader);
        for functions::FunctionEntry { name, function } in functions::ALL {
            match function(context.clone()) {
                Function::Http(http) => router = router.merge(http.router),
                Function::Sqs(handle) => {
                    tasks.spawn(consume::consume(name, embedded.queues().clone(), handle, invoker.clone()));
                }
                Function::Stream(handle) => {
                    if let Some(reader) = reader.take() {
                        let stream = embedded.stream();
                        tasks.spawn(follow::follow(name, stream, reader, handle, invoker.clone()));
                    }
                }
                // A deployment calls these once; `cargo local` has created the organisation itself.
                Function::Resource(_) => {}
                Function::Schedule(handle) => {
                    let invoker = invoker.clone();
                    tasks.spawn(async move {
                        loop {
                            let handle = handle.clone();
                            let running = Box::pin(async move {
                                drop(handle().await);
                                InvocationResult::Schedule
                            });
                            invoker.invoke(name, running).await;
                            tokio::time::sleep(SCHEDULE_EVERY).await;
                        }
                    });
                }
            }
        }
        Self { router, tasks }
    }

    /// Removes handled stream records, for as long as the runner runs.
    pub fn trim(&mut self, stream: Stream) {
        self.tasks.spawn(async move {
            loop {
                tokio::time::sleep(TRIM_EVERY).await;
                let stream = stream.clone();
                let trimmed = tokio::task::spawn_blocking(move || stream.trim()).await;
                if let Ok(Err(fault)) = trimmed {
                    error!(%fault, "cannot remove handled stream records");
                }
            }
        });
    }

    /// Stops all functions at once. Unfinished work is done again after the next start, as after a crash.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}
