//! The log of calls and of their faults.

use std::collections::BTreeMap;

use embedded::{AwsCall, AwsResponse, CallError};

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The connection broke, nothing was applied.
    CutBefore,
    /// A 500, nothing was applied.
    ErrorBefore,
    /// The connection broke, the call was applied.
    CutAfter,
    /// A 500, the call was applied.
    ErrorAfter,
    /// The call was refused as one of too many.
    Throttled,
    /// Another transaction held the item.
    Conflict,
    /// A read was answered from a copy that was behind.
    Stale,
    /// Items of a batch were left unprocessed.
    Unprocessed,
    /// An entry of a batch of messages was not sent.
    BatchFailed,
    /// A message was sent more than once.
    Doubled,
    /// A message was delayed.
    Delayed,
    /// A message was lost.
    Lost,
    /// Messages changed places.
    Reordered,
    /// Stream records waited while others overtook them.
    StreamReordered,
    /// A stream record was repeated.
    StreamRepeated,
    /// An invocation was killed.
    Killed,
    /// A transaction's token had expired.
    TokenExpired,
}

impl Fault {
    /// Every fault.
    pub const ALL: &'static [Self] = &[
        Self::CutBefore,
        Self::ErrorBefore,
        Self::CutAfter,
        Self::ErrorAfter,
        Self::Throttled,
        Self::Conflict,
        Self::Stale,
        Self::Unprocessed,
        Self::BatchFailed,
        Self::Doubled,
        Self::Delayed,
        Self::Lost,
        Self::Reordered,
        Self::StreamReordered,
        Self::StreamRepeated,
        Self::Killed,
        Self::TokenExpired,
    ];
}

/// A fault and the call, stream or invocation it hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injected {
    /// The operation, such as `GetItem`, or the name of the invocation.
    pub operation: String,
    /// The fault.
    pub fault: Fault,
}

/// The log: a hash over all calls, and the faults.
pub(super) struct Log {
    hash: u64,
    injected: Vec<Injected>,
    counters: BTreeMap<Fault, u64>,
    lost: Vec<String>,
    kept_back: Vec<(String, i64)>,
}

impl Default for Log {
    fn default() -> Self {
        // FNV-1a's start: a hash that is the same on every build.
        Self {
            hash: 0xcbf2_9ce4_8422_2325,
            injected: Vec::new(),
            counters: BTreeMap::new(),
            lost: Vec::new(),
            kept_back: Vec::new(),
        }
    }
}

impl Log {
    /// Logs a fault.
    pub(super) fn inject(&mut self, operation: &str, fault: Fault) {
        self.mix(operation.as_bytes());
        self.mix(format!("{fault:?}").as_bytes());
        *self.counters.entry(fault).or_default() += 1;
        self.injected.push(Injected { operation: operation.to_owned(), fault });
    }

    /// Logs that a message is lost.
    pub(super) fn lose(&mut self, operation: &str, body: &str) {
        self.inject(operation, Fault::Lost);
        self.lost.push(body.to_owned());
    }

    /// The bodies of the lost messages.
    pub(super) fn lost(&self) -> &[String] {
        &self.lost
    }

    /// Logs that every copy of a message is delayed by at least so many seconds.
    pub(super) fn keep_back(&mut self, body: &str, seconds: i64) {
        self.kept_back.push((body.to_owned(), seconds));
    }

    /// The bodies of the delayed messages, and by how many seconds.
    pub(super) fn kept_back(&self) -> &[(String, i64)] {
        &self.kept_back
    }

    /// Logs a call and its outcome, without its body: the order of an item's attributes does not come from the seed.
    pub(super) fn call(&mut self, call: AwsCall<'_>, outcome: &Result<AwsResponse, CallError>) {
        self.mix(call.service.name().as_bytes());
        self.mix(call.operation.as_bytes());
        let status = match outcome {
            Ok(answer) => answer.status,
            Err(CallError::BeforeApplying) => 1,
            Err(CallError::AfterApplying) => 2,
            Err(CallError::Killed) => 3,
        };
        self.mix(&status.to_be_bytes());
    }

    /// The hash of the log so far.
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    /// The faults so far.
    pub(super) fn injected(&self) -> &[Injected] {
        &self.injected
    }

    /// The count of each fault.
    pub(super) fn counters(&self) -> &BTreeMap<Fault, u64> {
        &self.counters
    }

    fn mix(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().chain(&[0xff]) {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
