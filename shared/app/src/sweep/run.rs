//! Finds what is due and tells its consumers: exact timers for the next two minutes, at once for what is past.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::event::Send;
use domain::message::{EscalationMessage, NotificationMessage, Queue};
use domain::slack::SlackMessage;
use domain::trace::Trace;
use jiff::SignedDuration;
use store::{DueRow, Queues, Store};
use tracing::instrument;

use crate::AppError;
use crate::outbox::relay::outgoing;

/// How far ahead a sweep looks: a sweep that fails is made up for by the next.
const AHEAD: SignedDuration = SignedDuration::from_mins(2);

/// Sweeps every shard; returns how many rows were due.
///
/// # Errors
/// [`AppError`] once every shard was tried, if any failed.
#[instrument(skip_all, err)]
pub async fn run(store: &Store, queues: &Queues, trace: &Trace, now: Timestamp) -> Result<usize, AppError> {
    let mut found = 0;
    let mut failed = None;
    for shard in 0..Store::due_shards() {
        match sweep(store, queues, shard, trace, now).await {
            Ok(rows) => found += rows,
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(found), Err)
}

async fn sweep(
    store: &Store,
    queues: &Queues,
    shard: u8,
    trace: &Trace,
    now: Timestamp,
) -> Result<usize, AppError> {
    let rows = store.due_until(shard, now + AHEAD).await?;
    let found = rows.len();
    let mut by_queue: BTreeMap<Queue, Vec<_>> = BTreeMap::new();
    for (due, row) in rows {
        let send = message(row, due);
        by_queue.entry(send.queue).or_default().push(outgoing(trace.clone(), send, now));
    }
    for (queue, messages) in by_queue {
        queues.send(queue, messages).await?;
    }
    Ok(found)
}

/// The message for what is due.
fn message(row: DueRow, due: Timestamp) -> Send {
    let (queue, body) = match row {
        DueRow::Escalation(org, escalation) => {
            let body = EscalationMessage::Due { org, escalation };
            (Queue::EscalationTick, serde_json::to_value(body))
        }
        DueRow::Alert(org, alert) => {
            let body = EscalationMessage::Alert { org, alert };
            (Queue::EscalationTick, serde_json::to_value(body))
        }
        DueRow::Slack(org, thread, step) => {
            let body = SlackMessage::Step { org, thread, step };
            (Queue::SlackWork, serde_json::to_value(body))
        }
        DueRow::Page(org, escalation, page) => {
            let body = NotificationMessage::Check { org, escalation, page };
            (Queue::NotificationSend, serde_json::to_value(body))
        }
    };
    Send { queue, body: body.expect("messages are plain values"), due }
}
