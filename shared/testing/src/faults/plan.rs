//! The rates of faults.

use std::collections::BTreeSet;

/// The rates of faults, each from 0 (never, the default) to 1 (always).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FaultPlan {
    /// A call fails and nothing is applied.
    pub before: f64,
    /// A call is applied, and its answer is lost.
    pub after: f64,
    /// The share of these two that show as a 500 rather than a broken connection.
    pub as_error: f64,
    /// A read that does not ask for consistency is answered as of up to [`Self::lag`] writes ago. If this is above
    /// 0, *every* query of an index is.
    pub stale: f64,
    /// How many writes a stale read may be behind; DynamoDB names no bound, 50 is harsh.
    pub lag: usize,
    /// A write is refused because another transaction holds its item.
    pub conflict: f64,
    /// A call is refused because there were too many.
    pub throttled: f64,
    /// An item of a batch is left unprocessed.
    pub unprocessed: f64,
    /// An entry of a batch of messages is not sent although the batch is answered 200.
    pub batch_failed: f64,
    /// A message is delivered two to five times.
    pub doubled: f64,
    /// A message is delivered up to [`Self::delay_s`] late.
    pub delayed: f64,
    /// How late, in seconds.
    pub delay_s: i64,
    /// A message is lost after it was accepted, in a queue of [`Self::lossy`].
    pub lost: f64,
    /// The names of the queues that may lose messages.
    pub lossy: BTreeSet<String>,
    /// Messages change places: one is a few seconds late, or those received together are shuffled.
    pub reordered: f64,
    /// An item's stream records wait while those of other items overtake them.
    pub stream_reordered: f64,
    /// A stream record is delivered again.
    pub stream_repeated: f64,
    /// An invocation is killed after one of its first [`Self::killed_within`] calls.
    pub killed: f64,
    /// The most calls that a killed invocation makes.
    pub killed_within: u32,
    /// How long a call takes at most, in milliseconds of the runtime's time; meanwhile others go on. With 0 an
    /// invocation runs from one end to the other without any other in between.
    pub latency_ms: u64,
}

impl FaultPlan {
    /// A plan without faults.
    pub fn calm() -> Self {
        Self::default()
    }

    /// A plan with some of every fault. No message is lost, because it names no lossy queue.
    pub fn rough() -> Self {
        Self {
            before: 0.03,
            after: 0.03,
            as_error: 0.5,
            stale: 0.5,
            lag: 50,
            conflict: 0.03,
            throttled: 0.02,
            unprocessed: 0.1,
            batch_failed: 0.1,
            doubled: 0.1,
            delayed: 0.05,
            delay_s: 60,
            lost: 0.1,
            lossy: BTreeSet::new(),
            reordered: 0.2,
            stream_reordered: 0.2,
            stream_repeated: 0.1,
            killed: 0.05,
            killed_within: 12,
            latency_ms: 20,
        }
    }

    /// The same plan, in which these queues lose messages.
    pub fn losing<'a>(mut self, queues: impl IntoIterator<Item = &'a str>) -> Self {
        self.lossy.extend(queues.into_iter().map(str::to_owned));
        self
    }
}
