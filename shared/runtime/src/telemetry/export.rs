//! Gathers spans and errors, and sends them: bounded in number and in time, and never in the way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use http::StatusCode;
use machine::BoxError;
use serde_json::Value;
use tracing::warn;

use super::layer::{Fault, Gather, Part};
use super::settings::{Door, Settings};
use super::{otlp, sentry};
use crate::fetch::Network;

/// How long an answer waits for what is exported, in all.
const WITHIN: Duration = Duration::from_millis(500);

/// How long nobody is asked again who did not take something; what failed is said once in that time.
const PAUSE: Duration = Duration::from_secs(60);

/// How many spans wait to be sent.
const MOST_SPANS: usize = 512;

/// How many errors wait to be sent; each is a request of its own.
const MOST_ERRORS: usize = 16;

/// How often one machine sends, which is never frozen.
const EACH: Duration = Duration::from_secs(1);

/// Gathers and sends.
pub struct Exporter {
    network: Network,
    function: String,
    spans: Option<Way<Value>>,
    errors: Option<Way<Vec<u8>>>,
}

/// What goes one way.
struct Way<T> {
    door: Door,
    most: usize,
    queue: Mutex<Queue<T>>,
}

/// What waits to be sent.
struct Queue<T> {
    waiting: Vec<T>,
    dropped: usize,
    paused: Option<Instant>,
}

impl<T> Way<T> {
    const fn new(door: Door, most: usize) -> Self {
        Self { door, most, queue: Mutex::new(Queue { waiting: Vec::new(), dropped: 0, paused: None }) }
    }

    fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, one: T) {
        let mut queue = self.queue();
        if queue.waiting.len() < self.most {
            queue.waiting.push(one);
        } else {
            queue.dropped += 1;
        }
    }

    /// Takes what is to be sent now: nothing while there is a pause.
    fn take(&self) -> Vec<T> {
        let mut queue = self.queue();
        if queue.paused.is_some_and(|since| since.elapsed() < PAUSE) {
            return Vec::new();
        }
        queue.paused = None;
        std::mem::take(&mut queue.waiting)
    }

    /// Says that something was not taken, and begins a pause.
    fn failed(&self, what: &'static str, lost: usize, reason: &str) {
        let mut queue = self.queue();
        queue.paused = Some(Instant::now());
        let dropped = std::mem::take(&mut queue.dropped) + lost;
        drop(queue);
        warn!(telemetry.kind = what, telemetry.dropped = dropped, reason, "{what} could not be exported");
    }
}

impl Exporter {
    /// What the settings ask for, if they ask for anything.
    pub fn of(settings: &Settings) -> Option<Arc<Self>> {
        let spans = settings.otlp.clone().map(|door| Way::new(door, MOST_SPANS));
        let errors = settings.sentry.clone().map(|door| Way::new(door, MOST_ERRORS));
        let any = spans.is_some() || errors.is_some();
        let function = settings.function.clone();
        any.then(|| Arc::new(Self { network: Network::fresh(), function, spans, errors }))
    }

    /// What gathers for it.
    pub(super) fn layer(self: &Arc<Self>) -> Gather {
        Gather(self.clone())
    }

    /// Notes a span that ended.
    pub(super) fn ended(&self, part: Part, at: i128) {
        if let Some(spans) = &self.spans {
            spans.push(otlp::span(part, at));
        }
    }

    /// Notes an error.
    pub(super) fn report(&self, fault: &Fault) {
        if let Some(errors) = &self.errors {
            errors.push(sentry::envelope(&self.function, fault));
        }
    }

    /// Sends what was gathered; returns in time, whatever becomes of it.
    pub async fn flush(&self) {
        join(self.flush_spans(), self.flush_errors()).await;
    }

    /// Sends what was gathered again and again, for a process that is never frozen.
    pub async fn flush_for_ever(&self) {
        loop {
            tokio::time::sleep(EACH).await;
            self.flush().await;
        }
    }

    async fn flush_spans(&self) {
        let Some(way) = &self.spans else { return };
        let spans = way.take();
        if spans.is_empty() {
            return;
        }
        let count = spans.len();
        let body = otlp::request(&self.function, spans).to_string().into_bytes();
        if let Err(reason) = self.send(&way.door, body).await {
            way.failed("spans", count, &reason);
        }
    }

    async fn flush_errors(&self) {
        let Some(way) = &self.errors else { return };
        let sent = way.take().into_iter().map(|envelope| self.send(&way.door, envelope));
        let failed: Vec<String> = join_all(sent).await.into_iter().filter_map(Result::err).collect();
        if let Some(reason) = failed.first() {
            way.failed("errors", failed.len(), reason);
        }
    }

    /// Sends one request; what it says of a failure holds nothing of the address.
    async fn send(&self, door: &Door, body: Vec<u8>) -> Result<(), String> {
        let posted = self.network.post(&door.url, door.headers.clone(), body);
        let answered: Result<StatusCode, BoxError> = match tokio::time::timeout(WITHIN, posted).await {
            Ok(answered) => answered,
            Err(_) => return Err("there was no answer in time".to_owned()),
        };
        match answered {
            Ok(status) if status.is_success() => Ok(()),
            Ok(status) => Err(format!("the answer was {}", status.as_u16())),
            Err(error) => Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
