//! Collects spans and errors, and exports them. Their number and the time of an export are limited.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use egress::Client;
use futures_util::future::{join, join_all};
use serde_json::Value;
use tracing::warn;

use super::layer::{Fault, Gather, Part};
use super::settings::{Endpoint, Settings};
use super::{otlp, sentry};

/// The longest time that a response waits for the export.
const WITHIN: Duration = Duration::from_millis(500);

/// How long an endpoint is not used after it failed. The failure is logged once in that time.
const PAUSE: Duration = Duration::from_secs(60);

/// The most spans that wait for the export.
const MOST_SPANS: usize = 512;

/// The most errors that wait for the export. Each is a request of its own.
const MOST_ERRORS: usize = 16;

/// The most bytes that are read of a response.
const MAX_RESPONSE_BYTES: usize = 4 * 1024;

/// The interval of exports with `cargo local`, whose process is never frozen.
const EACH: Duration = Duration::from_secs(1);

/// Collects and exports spans and errors.
pub struct Exporter {
    client: Client,
    function: String,
    spans: Option<Exported<Value>>,
    errors: Option<Exported<Vec<u8>>>,
}

/// The endpoint of one kind of telemetry, and what waits for it.
struct Exported<T> {
    endpoint: Endpoint,
    limit: usize,
    queue: Mutex<Queue<T>>,
}

/// The spans or errors that wait for the export.
struct Queue<T> {
    waiting: Vec<T>,
    dropped: usize,
    paused: Option<Instant>,
}

impl<T> Exported<T> {
    const fn new(endpoint: Endpoint, limit: usize) -> Self {
        Self { endpoint, limit, queue: Mutex::new(Queue { waiting: Vec::new(), dropped: 0, paused: None }) }
    }

    fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, one: T) {
        let mut queue = self.queue();
        if queue.waiting.len() < self.limit {
            queue.waiting.push(one);
        } else {
            queue.dropped += 1;
        }
    }

    /// Takes what waits; nothing while the endpoint is not used.
    fn take(&self) -> Vec<T> {
        let mut queue = self.queue();
        if queue.paused.is_some_and(|since| since.elapsed() < PAUSE) {
            return Vec::new();
        }
        queue.paused = None;
        std::mem::take(&mut queue.waiting)
    }

    /// Logs a failed export, and stops using the endpoint for a while.
    fn failed(&self, what: &'static str, lost: usize, reason: &str) {
        let mut queue = self.queue();
        queue.paused = Some(Instant::now());
        let dropped = std::mem::take(&mut queue.dropped) + lost;
        drop(queue);
        warn!(telemetry.kind = what, telemetry.dropped = dropped, reason, "{what} could not be exported");
    }
}

impl Exporter {
    /// The exporter of the settings; `None` if no endpoint is set.
    pub fn of(settings: &Settings) -> Option<Arc<Self>> {
        let spans = settings.otlp.clone().map(|endpoint| Exported::new(endpoint, MOST_SPANS));
        let errors = settings.sentry.clone().map(|endpoint| Exported::new(endpoint, MOST_ERRORS));
        let any = spans.is_some() || errors.is_some();
        let function = settings.function.clone();
        any.then(|| {
            Arc::new(Self {
                client: Client::for_configured_urls(MAX_RESPONSE_BYTES),
                function,
                spans,
                errors,
            })
        })
    }

    /// The tracing layer that collects for this exporter.
    pub(super) fn layer(self: &Arc<Self>) -> Gather {
        Gather(self.clone())
    }

    /// Adds a span that has ended.
    pub(super) fn ended(&self, part: Part, at: i128) {
        if let Some(spans) = &self.spans {
            spans.push(otlp::span(part, at));
        }
    }

    /// Adds an error.
    pub(super) fn report(&self, fault: &Fault) {
        if let Some(errors) = &self.errors {
            errors.push(sentry::envelope(&self.function, fault));
        }
    }

    /// Exports what was collected. Returns within a fixed time even if an endpoint does not respond.
    pub async fn flush(&self) {
        join(self.flush_spans(), self.flush_errors()).await;
    }

    /// Exports at regular intervals, for a process that is never frozen.
    pub async fn flush_for_ever(&self) {
        loop {
            tokio::time::sleep(EACH).await;
            self.flush().await;
        }
    }

    async fn flush_spans(&self) {
        let Some(exported) = &self.spans else { return };
        let spans = exported.take();
        if spans.is_empty() {
            return;
        }
        let count = spans.len();
        let body = otlp::request(&self.function, spans).to_string().into_bytes();
        if let Err(reason) = self.send(&exported.endpoint, body).await {
            exported.failed("spans", count, &reason);
        }
    }

    async fn flush_errors(&self) {
        let Some(exported) = &self.errors else { return };
        let sent = exported.take().into_iter().map(|envelope| self.send(&exported.endpoint, envelope));
        let failed: Vec<String> = join_all(sent).await.into_iter().filter_map(Result::err).collect();
        if let Some(reason) = failed.first() {
            exported.failed("errors", failed.len(), reason);
        }
    }

    /// Sends one request. The error does not contain the URL, which may contain a key.
    async fn send(&self, endpoint: &Endpoint, body: Vec<u8>) -> Result<(), String> {
        match self.client.post(&endpoint.url, endpoint.headers.clone(), body.into(), WITHIN).await {
            Ok(response) if response.status.is_success() => Ok(()),
            Ok(response) => Err(format!("the response was {}", response.status.as_u16())),
            Err(error) => Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
