//! Functions, and the code that turns an event of Lambda into calls of verbs.

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use app::worker::{Message, Worker};
use app::{AppError, Context, Random};
use aws_lambda_events::dynamodb;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use domain::message::{Envelope, SCHEMA};
use domain::trace::Trace;
use futures_util::FutureExt;
use futures_util::future::join_all;
use serde::de::DeserializeOwned;
use tracing::{Instrument, Span, error, info_span};

use crate::resource::ResourceHandler;

/// A boxed future, so that handlers can be trait objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Handles a batch of messages of a queue.
pub type QueueHandler = Arc<dyn Fn(SqsEvent) -> BoxFuture<'static, SqsBatchResponse> + Send + Sync>;
/// Handles a batch of records of the table's stream.
pub type StreamHandler =
    Arc<dyn Fn(dynamodb::Event) -> BoxFuture<'static, DynamoDbEventResponse> + Send + Sync>;
/// Handles an invocation by a schedule.
pub type ScheduleHandler = Arc<dyn Fn() -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

/// The failure of a handler. Lambda delivers the event again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

/// A function, by its trigger.
pub enum Function {
    /// HTTP requests.
    Http(Http),
    /// The queue with the function's name.
    Sqs(QueueHandler),
    /// The table's stream.
    Stream(StreamHandler),
    /// A schedule: every minute.
    Schedule(ScheduleHandler),
    /// A custom resource of a deployment.
    Resource(ResourceHandler),
}

/// A running function on Lambda's single thread.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<(), lambda_runtime::Error>>>>;

/// A function for HTTP requests, with the code that runs it on Lambda.
///
/// It carries that code, so that functions with another trigger do not have it in their binary.
pub struct Http {
    /// The routes.
    pub router: axum::Router,
    pub(crate) run: fn(axum::Router) -> Running,
}

/// Creates a function for HTTP requests.
pub fn http(router: axum::Router) -> Function {
    Function::Http(Http { router, run: |router| Box::pin(lambda_http::run(router)) })
}

/// A message with its trace.
#[derive(Debug, Clone)]
pub struct Delivery<M> {
    /// The message.
    pub message: M,
    /// The trace of the message.
    pub trace: Trace,
}

/// Creates a function that handles the messages of a batch concurrently. Each succeeds or fails on its own.
pub fn sqs<M, F, E>(handle: impl Fn(Delivery<M>) -> F + Send + Sync + 'static) -> Function
where
    M: DeserializeOwned + Send + 'static,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: std::error::Error + Send + 'static,
{
    handled(handle, |body| serde_json::from_str(body))
}

/// Creates a function for messages that another system put on its queue. They have no envelope, and begin a trace.
pub fn sqs_from_outside<M, F, E>(
    random: Random,
    handle: impl Fn(Delivery<M>) -> F + Send + Sync + 'static,
) -> Function
where
    M: DeserializeOwned + Send + 'static,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: std::error::Error + Send + 'static,
{
    handled(handle, move |body| Ok(Envelope::new(Trace::begin(random()), serde_json::from_str(body)?)))
}

/// Creates a function that handles the messages of a queue with its worker.
pub fn worker<W: Worker>(ctx: &Context) -> Function {
    let (worker, clock) = (W::new(ctx), ctx.clock.clone());
    let handle = move |delivery: Delivery<Message<W::Job, W::Request>>| {
        let (worker, now) = (worker.clone(), clock());
        // The box ends the type of the future: without it, the compiler's depth limit is reached.
        let handled: BoxFuture<'static, Result<(), AppError>> = Box::pin(async move {
            match delivery.message {
                Message::Job(job) => worker.job(job, &delivery.trace, now).await,
                Message::Request(request) => worker.request(request, &delivery.trace, now).await,
            }
        });
        handled
    };
    handled(handle, read::<W::Job, W::Request>)
}

/// Parses a message: first as a job, then as a request.
///
/// The message begins with its name, so the first attempt fails at once if it is a request.
fn read<J: DeserializeOwned, R: DeserializeOwned>(
    body: &str,
) -> Result<Envelope<Message<J, R>>, serde_json::Error> {
    let job = match serde_json::from_str::<Envelope<J>>(body) {
        Ok(Envelope { schema, trace, body }) => {
            return Ok(Envelope { schema, trace, body: Message::Job(body) });
        }
        Err(error) => error,
    };
    match serde_json::from_str::<Envelope<R>>(body) {
        Ok(Envelope { schema, trace, body }) => Ok(Envelope { schema, trace, body: Message::Request(body) }),
        Err(request) => {
            let reason = format_args!("not a job ({job}) and not a request ({request})");
            Err(serde::de::Error::custom(reason))
        }
    }
}

/// Creates a function that parses messages with `open`, and handles them.
fn handled<M, F, E>(
    handle: impl Fn(Delivery<M>) -> F + Send + Sync + 'static,
    open: impl Fn(&str) -> Result<Envelope<M>, serde_json::Error> + Send + Sync + 'static,
) -> Function
where
    M: Send + 'static,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: std::error::Error + Send + 'static,
{
    let both = Arc::new((handle, open));
    Function::Sqs(Arc::new(move |batch: SqsEvent| {
        let both = both.clone();
        Box::pin(async move {
            let (handle, open) = &*both;
            let one = |message: SqsMessage| {
                let opened = open(message.body.as_deref().unwrap_or_default());
                one(handle, message, opened)
            };
            let results = join_all(batch.records.into_iter().map(one)).await;
            let mut response = SqsBatchResponse::default();
            response.batch_item_failures = results.into_iter().flatten().collect();
            response
        })
    }))
}

/// Handles one message. A failure names the message, so that only this message is delivered again.
async fn one<M, F, E>(
    handle: &(impl Fn(Delivery<M>) -> F + Sync),
    message: SqsMessage,
    opened: Result<Envelope<M>, serde_json::Error>,
) -> Option<BatchItemFailure>
where
    F: Future<Output = Result<(), E>>,
    E: std::error::Error,
{
    let id = message.message_id.unwrap_or_default();
    let failure = || {
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = id.clone();
        Some(failure)
    };
    let envelope = match opened {
        Ok(envelope) => envelope,
        Err(fault) => {
            error!(message.id = id, reason = %fault, "message cannot be parsed (this version writes schema {SCHEMA})");
            return failure();
        }
    };
    let parent = envelope.trace;
    let attempt = message.attributes.get("ApproximateReceiveCount").map_or("", String::as_str);
    let trace = parent.child(attempted(&parent, &id, attempt));
    let span = info_span!(
        "message",
        trace.id = trace.id(),
        trace.span = trace.span(),
        trace.parent = parent.span(),
        message.id = id
    );
    let handled =
        AssertUnwindSafe(handle(Delivery { message: envelope.body, trace }).instrument(span.clone()));
    match handled.catch_unwind().await {
        Ok(Ok(())) => None,
        Ok(Err(fault)) => {
            span.in_scope(|| log_failure(&fault));
            failure()
        }
        Err(_) => {
            error!(message.id = id, "message handler panicked");
            failure()
        }
    }
}

/// Logs why an invocation failed. It is repeated, so this is where its failure is handled.
fn log_failure(fault: &impl std::error::Error) {
    error!(error = %fault, cause = fault.source().map(tracing::field::display), "handler failed");
}

/// The id of the span of an attempt at a message. The same attempt always has the same id, so that what it wrote has a
/// known parent span.
fn attempted(parent: &Trace, message: &str, attempt: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (parent.span(), message, attempt).hash(&mut hasher);
    hasher.finish()
}

/// Creates a function that handles the stream's records in order. A failure names the first record to deliver again.
pub fn stream<F, E>(handle: impl Fn(Vec<dynamodb::EventRecord>) -> F + Send + Sync + 'static) -> Function
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: std::error::Error + Send + 'static,
{
    let handle = Arc::new(handle);
    Function::Stream(Arc::new(move |batch: dynamodb::Event| {
        let handle = handle.clone();
        Box::pin(async move {
            let first = batch.records.first().and_then(|record| record.change.sequence_number.clone());
            let mut response = DynamoDbEventResponse::default();
            let done = AssertUnwindSafe(handle(batch.records)).catch_unwind().await;
            match &done {
                Ok(Ok(())) => return response,
                Ok(Err(fault)) => log_failure(fault),
                Err(_) => error!("stream handler panicked"),
            }
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = first;
            response.batch_item_failures.push(failure);
            response
        })
    }))
}

/// The span of an invocation by a schedule, which begins a trace.
pub fn tick(trace: &Trace) -> Span {
    info_span!("tick", trace.id = trace.id(), trace.span = trace.span())
}

/// Creates a function that a schedule starts. A panic counts as a failure, and the next invocation does the work.
pub fn schedule<F, E>(handle: impl Fn() -> F + Send + Sync + 'static) -> Function
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: std::error::Error + Send + 'static,
{
    Function::Schedule(Arc::new(move || {
        let running = handle();
        Box::pin(async move {
            match AssertUnwindSafe(running).catch_unwind().await {
                Ok(done) => done.map_err(|fault| {
                    log_failure(&fault);
                    Failure(fault.to_string())
                }),
                Err(_) => {
                    error!("schedule handler panicked");
                    Err(Failure("the handler of a schedule panicked".to_owned()))
                }
            }
        })
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn tick_that_panics_has_failed_and_the_next_one_runs() {
        let ticks = AtomicU32::new(0);
        let Function::Schedule(tick) = schedule(move || {
            let n = ticks.fetch_add(1, Ordering::Relaxed);
            async move { if n == 0 { panic!("once") } else { Ok::<_, std::fmt::Error>(()) } }
        }) else {
            panic!("a schedule is a schedule");
        };

        let (first, second) = (tick().await, tick().await);

        assert!(first.is_err() && second.is_ok());
    }
}
