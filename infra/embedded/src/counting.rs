//! Counts calls and the units they are charged for.

mod units;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::wire::{Call, Reply, Service, Wire};

/// Whether units are for reading or for writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Read units.
    Read,
    /// Write units.
    Write,
}

/// Whether units are for the table or for its indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arm {
    /// The table.
    Table,
    /// All of its indexes.
    Index,
}

/// What was counted up to a moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// `aws_requests_total{service,operation}`.
    pub requests: BTreeMap<(Service, String), u64>,
    /// `dynamodb_consumed_units_total{operation,kind,index}`.
    pub units: BTreeMap<(String, Kind, Arm), f64>,
    /// Messages that were put on queues, however many went in one call.
    pub messages: u64,
}

impl Snapshot {
    /// All calls.
    pub fn calls(&self) -> u64 {
        self.requests.values().sum()
    }

    /// All units of a kind on the table or its indexes.
    pub fn total(&self, kind: Kind, arm: Arm) -> f64 {
        // From zero: the empty sum of floats is minus zero.
        self.units
            .iter()
            .filter(|((_, k, a), _)| (*k, *a) == (kind, arm))
            .fold(0.0, |sum, (_, units)| sum + units)
    }

    /// What was counted since an earlier snapshot.
    pub fn since(&self, earlier: &Self) -> Self {
        let mut since = self.clone();
        for (key, count) in &mut since.requests {
            *count -= earlier.requests.get(key).copied().unwrap_or_default();
        }
        for (key, units) in &mut since.units {
            *units -= earlier.units.get(key).copied().unwrap_or_default();
        }
        since.messages -= earlier.messages;
        since.requests.retain(|_, count| *count > 0);
        since.units.retain(|_, units| *units > 0.0);
        since
    }
}

/// The counters of one caller.
#[derive(Debug, Default)]
pub struct Counts(Mutex<Snapshot>);

impl Counts {
    /// Copies the counters.
    pub fn snapshot(&self) -> Snapshot {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A wire that counts what goes over another.
///
/// It asks DynamoDB for the units itself, and takes them out of the answer again unless the caller asked too.
pub struct Counting {
    inner: Arc<dyn Wire>,
    counts: Arc<Counts>,
}

impl Counting {
    /// Counts into `counts` what one caller sends over `inner`.
    pub fn new(inner: Arc<dyn Wire>, counts: Arc<Counts>) -> Self {
        Self { inner, counts }
    }
}

impl Wire for Counting {
    fn call<'a>(&'a self, call: Call<'a>) -> Reply<'a> {
        Box::pin(async move {
            self.counts.change(|counts| {
                *counts.requests.entry((call.service, call.operation.to_owned())).or_default() += 1;
                counts.messages += messages(call);
            });
            let asked = match call.service {
                Service::DynamoDb => units::Asked::of(call.operation, call.body),
                Service::Streams | Service::Sqs => None,
            };
            let Some(asked) = asked else { return self.inner.call(call).await };
            let mut answer = self.inner.call(Call { body: asked.body(), ..call }).await?;
            let charged = asked.settle(&mut answer);
            self.counts.change(|counts| {
                for (kind, arm, units) in charged.into_iter().filter(|(_, _, units)| *units > 0.0) {
                    *counts.units.entry((call.operation.to_owned(), kind, arm)).or_default() += units;
                }
            });
            Ok(answer)
        })
    }
}

/// How many messages a call puts on a queue.
fn messages(call: Call<'_>) -> u64 {
    match (call.service, call.operation) {
        (Service::Sqs, "SendMessage") => 1,
        (Service::Sqs, "SendMessageBatch") => {
            let request: Option<serde_json::Value> = serde_json::from_slice(call.body).ok();
            request.and_then(|request| request["Entries"].as_array().map(Vec::len)).unwrap_or_default() as u64
        }
        (Service::Sqs | Service::DynamoDb | Service::Streams, _) => 0,
    }
}
