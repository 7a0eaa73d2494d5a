//! Relays events from the table's stream to the queues of those who hear them.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::event::{Event, Send};
use domain::message::{Envelope, Queue};
use domain::trace::Trace;
use store::{Outgoing, Queues};
use tracing::instrument;

use crate::AppError;

/// Puts what the events ask for on its queues.
///
/// # Errors
/// [`AppError`] if any may not have arrived; all of them come again, and their consumers do not mind.
#[instrument(skip_all, fields(events = events.len()), err)]
pub async fn relay(queues: &Queues, events: &[(Trace, Event)], now: Timestamp) -> Result<(), AppError> {
    let mut by_queue: BTreeMap<Queue, Vec<Outgoing>> = BTreeMap::new();
    for (trace, event) in events {
        for send in event.sends(now) {
            by_queue.entry(send.queue).or_default().push(outgoing(trace.clone(), send, now));
        }
    }
    for (queue, messages) in by_queue {
        queues.send(queue, messages).await?;
    }
    Ok(())
}

/// The message of a send, kept back until it is due.
pub(crate) fn outgoing(trace: Trace, send: Send, now: Timestamp) -> Outgoing {
    let envelope = Envelope::new(trace, send.body);
    Outgoing {
        body: serde_json::to_string(&envelope).expect("messages are plain values"),
        delay: delay(send.due, now),
        group: None,
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
