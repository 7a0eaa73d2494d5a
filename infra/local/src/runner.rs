//! What Lambda's event source mappings do: poll queues, follow the stream, tick each minute.

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

/// Runs an invocation; the one place where a test may kill one.
pub trait Invoke: Send + Sync + 'static {
    /// Runs it to its end, or says that it never came there.
    fn invoke<'a>(
        &'a self,
        name: &'static str,
        running: BoxFuture<'a, Answer>,
    ) -> BoxFuture<'a, Option<Answer>>;

    /// May change the order of messages that arrived together.
    fn arrived(&self, _messages: &mut [Message]) {}
}

/// What an invocation answers, by what triggered it.
#[derive(Debug)]
pub enum Answer {
    /// The messages that must come again.
    Queue(Vec<String>),
    /// The first record that must come again.
    Stream(Option<String>),
    /// Whether a tick failed.
    Schedule(Result<(), runtime::Failure>),
}

/// Runs every invocation as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Invoke for Plain {
    fn invoke<'a>(
        &'a self,
        _: &'static str,
        running: BoxFuture<'a, Answer>,
    ) -> BoxFuture<'a, Option<Answer>> {
        Box::pin(async move { Some(running.await) })
    }
}

/// Where the records of the stream come from.
pub trait Feed: Send + 'static {
    /// The next records, if there are any.
    ///
    /// # Errors
    /// If the stream cannot be read.
    fn next(&mut self, max: usize) -> Result<Vec<Record>, EmbeddedError>;

    /// Notes that what was read is done with.
    ///
    /// # Errors
    /// If the note cannot be kept.
    fn done(&mut self, records: &[Record]) -> Result<(), EmbeddedError>;

    /// Says whether records wait that no write will announce.
    fn waits(&self) -> bool {
        false
    }
}

/// The stream as it is.
pub struct PlainFeed(pub Stream);

impl Feed for PlainFeed {
    fn next(&mut self, max: usize) -> Result<Vec<Record>, EmbeddedError> {
        self.0.read(max)
    }

    fn done(&mut self, records: &[Record]) -> Result<(), EmbeddedError> {
        match records.last() {
            Some(last) => self.0.checkpoint(&last.sequence),
            None => Ok(()),
        }
    }
}

/// How often the schedule ticks.
const TICK: Duration = Duration::from_secs(60);
/// How often records that are done with are removed.
const TRIM: Duration = Duration::from_secs(10);

/// Every function, running.
pub struct Runner {
    /// The router of the functions that requests trigger.
    pub router: axum::Router,
    tasks: JoinSet<()>,
}

impl Runner {
    /// Starts every function over the embedded services.
    pub fn start(
        context: &Context,
        embedded: &Embedded,
        invoke: Arc<dyn Invoke>,
        feed: Box<dyn Feed>,
    ) -> Self {
        let mut router = axum::Router::new();
        let mut tasks = JoinSet::new();
        let mut feed = Some(feed);
        for functions::Entry { name, function } in functions::ALL {
            match function(context.clone()) {
                Function::Http(http) => router = router.merge(http.router),
                Function::Sqs(handle) => {
                    tasks.spawn(consume::consume(name, embedded.queues().clone(), handle, invoke.clone()));
                }
                Function::Stream(handle) => {
                    if let Some(feed) = feed.take() {
                        let stream = embedded.stream();
                        tasks.spawn(follow::follow(name, stream, feed, handle, invoke.clone()));
                    }
                }
                // What a deployment sets up, `cargo local` has set up itself.
                Function::Resource(_) => {}
                Function::Schedule(handle) => {
                    let invoke = invoke.clone();
                    tasks.spawn(async move {
                        loop {
                            let handle = handle.clone();
                            let running = Box::pin(async move { Answer::Schedule(handle().await) });
                            if let Some(Answer::Schedule(Err(failure))) = invoke.invoke(name, running).await {
                                error!(function = name, %failure, "a tick failed; the next one makes up for it");
                            }
                            tokio::time::sleep(TICK).await;
                        }
                    });
                }
            }
        }
        Self { router, tasks }
    }

    /// Removes stream records that are done with, for as long as the runner runs.
    pub fn trim(&mut self, stream: Stream) {
        self.tasks.spawn(async move {
            loop {
                tokio::time::sleep(TRIM).await;
                let stream = stream.clone();
                let trimmed = tokio::task::spawn_blocking(move || stream.trim()).await;
                if let Ok(Err(fault)) = trimmed {
                    error!(%fault, "records of the stream could not be removed");
                }
            }
        });
    }

    /// Stops everything at once; what was under way comes again, as after a crash.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}
