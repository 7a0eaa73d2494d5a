//! Finds the jobs that are due and sends their messages: at once for those that are past, and with an exact delay for
//! those of the next two minutes.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::job::JobKind;
use domain::trace::Trace;
use jiff::SignedDuration;
use store::{Queues, Store};
use tracing::{instrument, warn};

use crate::AppError;
use crate::outbox::relay::Messages;

/// How far ahead a sweep looks: the next sweep makes up for one that fails.
const AHEAD: SignedDuration = SignedDuration::from_mins(2);

/// How long after its time a job is overdue: two sweeps have sent its message by then.
const OVERDUE: SignedDuration = SignedDuration::from_mins(3);

/// Sweeps every shard; returns how many rows were due.
///
/// # Errors
/// [`AppError`] once every shard was tried, if any failed.
#[instrument(skip_all)]
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
    let mut messages = Messages::at(now);
    let mut overdue: BTreeMap<JobKind, usize> = BTreeMap::new();
    for row in rows {
        match row.job {
            Ok(job) => {
                if now.duration_since(row.at) > OVERDUE {
                    *overdue.entry(job.kind()).or_default() += 1;
                }
                messages.add_reference(trace, &job, row.at);
            }
            // A newer version wrote it: this one leaves it alone.
            Err(key) => warn!(item.key = key, "found a due row of an unknown kind"),
        }
    }
    for (kind, jobs) in overdue {
        warn!(job.kind = kind.name(), jobs, "jobs are overdue");
    }
    messages.send(queues).await?;
    Ok(found)
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
