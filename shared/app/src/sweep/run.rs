//! Finds what is due and tells its consumers: exact timers for the next two minutes, at once for what is past.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::event::Send;
use domain::message::{AlertMessage, EscalationMessage, NotificationMessage, Queue};
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
    for shard in shards(now) {
        match sweep(store, queues, shard, trace, now).await {
            Ok(rows) => found += rows,
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(found), Err)
}

/// The shards, beginning with another one each minute: a sweep that runs out of time leaves out others the next time.
fn shards(now: Timestamp) -> impl Iterator<Item = u8> {
    let all = Store::due_shards();
    let first = u8::try_from((now.as_second() / 60).rem_euclid(i64::from(all))).unwrap_or(0);
    (0..all).map(move |n| (first + n) % all)
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
        DueRow::Heartbeat(org, source) => {
            (Queue::AlertHandle, serde_json::to_value(AlertMessage::Heartbeat { org, source }))
        }
        DueRow::Expiry(org, alert) => {
            (Queue::AlertHandle, serde_json::to_value(AlertMessage::Expiry { org, alert }))
        }
        DueRow::Slack(org, thread, step) => {
            let body = SlackMessage::Step { org, thread, step };
            (Queue::SlackWork, serde_json::to_value(body))
        }
        DueRow::Backfill(org, source) => {
            (Queue::AlertHandle, serde_json::to_value(AlertMessage::Backfill { org, source }))
        }
        DueRow::SignIn(id) => {
            (Queue::NotificationSend, serde_json::to_value(NotificationMessage::SignIn { id }))
        }
        DueRow::Page(org, escalation, notification) => {
            let body = NotificationMessage::Check { org, escalation, notification };
            (Queue::NotificationSend, serde_json::to_value(body))
        }
    };
    Send { queue, body: body.expect("messages are plain values"), due }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_is_swept_and_each_is_the_first_in_turn() {
        let minute = |n: i64| shards(Timestamp::from_second(60 * n).unwrap()).collect::<Vec<_>>();
        let mut sorted = minute(7);
        sorted.sort_unstable();
        let firsts: std::collections::BTreeSet<u8> = (0..16).map(|n| minute(n)[0]).collect();

        assert_eq!(sorted, (0..Store::due_shards()).collect::<Vec<_>>());
        assert_eq!(firsts.len(), usize::from(Store::due_shards()));
    }
}
