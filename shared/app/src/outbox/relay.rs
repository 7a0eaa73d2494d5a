//! Relays events from the outboxes to the queues of those who receive them.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::event::Event;
use domain::job::Job;
use domain::job::policy::LONGEST_DELAY;
use domain::message::{Envelope, Queue};
use domain::trace::Trace;
use serde_json::{Value, json};
use store::{Entry, Outgoing, Queues};
use tracing::{error, instrument};

use crate::AppError;

/// Puts the messages of events on their queues.
///
/// # Errors
/// [`AppError`] once every queue was tried, if any message may not have arrived. Then all of them come again, which
/// their consumers expect.
#[instrument(skip_all, fields(entries = entries.len()))]
pub async fn relay(queues: &Queues, entries: &[Entry], now: Timestamp) -> Result<(), AppError> {
    let mut messages = Messages::at(now);
    for Entry { trace, event, item } in entries {
        match event {
            Event::Due { job, at } => messages.add_due(trace, job, *at, item.as_ref()),
            Event::Deliver(received) => {
                messages.add(trace, Queue::AlertHandle, json!({ "event": received }), now);
            }
        }
    }
    messages.send(queues).await
}

/// Messages on their way to queues.
pub(crate) struct Messages {
    now: Timestamp,
    by_queue: BTreeMap<Queue, Vec<Outgoing>>,
}

impl Messages {
    /// No messages yet.
    pub(crate) const fn at(now: Timestamp) -> Self {
        Self { now, by_queue: BTreeMap::new() }
    }

    /// Adds the messages of a job that is due at a time. If the kind's message carries the whole item, `item` is it.
    fn add_due(&mut self, trace: &Trace, job: &Job, at: Timestamp, item: Option<&Value>) {
        let policy = job.kind().policy();
        let first = match (policy.carried, item) {
            (Some((tag, field)), Some(item)) => json!({ tag: { field: item } }),
            _ => job.message(),
        };
        self.add(trace, job.queue(), first, at);
        if let Some(again) = policy.again {
            self.add(trace, job.queue(), job.message(), at.max(self.now) + again);
        }
    }

    /// Adds the message that refers to a job.
    pub(crate) fn add_reference(&mut self, trace: &Trace, job: &Job, at: Timestamp) {
        self.add(trace, job.queue(), job.message(), at);
    }

    /// Adds a message that is to arrive at a time. One that a queue cannot keep back for so long is left to the sweep.
    fn add(&mut self, trace: &Trace, queue: Queue, body: Value, at: Timestamp) {
        if at.duration_since(self.now) > LONGEST_DELAY {
            return;
        }
        let envelope = Envelope::new(trace.clone(), body);
        let body = serde_json::to_string(&envelope).expect("messages consist of plain values");
        let outgoing = Outgoing { body, delay: delay(at, self.now), group: None };
        self.by_queue.entry(queue).or_default().push(outgoing);
    }

    /// Puts all messages on their queues. A queue that fails keeps no other queue from getting its messages.
    ///
    /// # Errors
    /// [`AppError`] if any message may not have arrived.
    pub(crate) async fn send(self, queues: &Queues) -> Result<(), AppError> {
        let mut failed = None;
        for (queue, messages) in self.by_queue {
            if let Err(fault) = queues.send(queue, messages).await {
                error!(queue = queue.name(), %fault, "cannot send messages to a queue");
                failed = Some(fault);
            }
        }
        failed.map_or(Ok(()), |fault| Err(fault.into()))
    }
}

/// Whole seconds until then, rounded up, as far as a queue keeps a message back.
fn delay(due: Timestamp, now: Timestamp) -> u16 {
    let milliseconds = due.duration_since(now).as_millis().clamp(0, 900_000);
    u16::try_from((milliseconds + 999) / 1000).unwrap_or(900).min(900)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_round_up_and_stop_at_what_a_queue_allows() {
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();

        assert_eq!(delay(at(0), at(1000)), 0);
        assert_eq!(delay(at(1001), at(0)), 2);
        assert_eq!(delay(at(10_000_000), at(0)), 900);
    }
}
