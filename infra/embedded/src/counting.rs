//! Counts calls and the capacity units that DynamoDB charges for them.

mod units;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use strum::IntoStaticStr;

use crate::call::{AwsBackend, AwsCall, ResponseFuture, Service};

/// The kind of capacity units: for reading or for writing; its name is a label of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum UnitKind {
    /// Read units.
    Read,
    /// Write units.
    Write,
}

/// The part of a table that capacity units are charged for; its name is a label of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum UnitTarget {
    /// The table.
    Table,
    /// All of its indexes.
    Index,
}

/// The counters at a moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// `aws_requests_total{service,operation}`.
    pub requests: BTreeMap<(Service, String), u64>,
    /// `dynamodb_consumed_units_total{operation,kind,index}`.
    pub units: BTreeMap<(String, UnitKind, UnitTarget), f64>,
    /// Messages sent to queues, each message of a batch counted.
    pub messages: u64,
}

impl Snapshot {
    /// The number of all calls.
    pub fn calls(&self) -> u64 {
        self.requests.values().sum()
    }

    /// The sum of the units of a kind for the table or for its indexes.
    pub fn total(&self, kind: UnitKind, target: UnitTarget) -> f64 {
        // From zero: the empty sum of floats is minus zero.
        self.units
            .iter()
            .filter(|((_, k, t), _)| (*k, *t) == (kind, target))
            .fold(0.0, |sum, (_, units)| sum + units)
    }

    /// The difference to an earlier snapshot.
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

/// The counters that one or more counting backends share.
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

/// Counts the calls to another backend.
///
/// It asks DynamoDB for the consumed units, and removes them from the response if the caller did not ask for them.
pub struct CountingBackend {
    inner: Arc<dyn AwsBackend>,
    counts: Arc<Counts>,
}

impl CountingBackend {
    /// Counts the calls to `inner` in `counts`.
    pub fn new(inner: Arc<dyn AwsBackend>, counts: Arc<Counts>) -> Self {
        Self { inner, counts }
    }
}

impl AwsBackend for CountingBackend {
    fn call<'a>(&'a self, call: AwsCall<'a>) -> ResponseFuture<'a> {
        Box::pin(async move {
            self.counts.change(|counts| {
                *counts.requests.entry((call.service, call.operation.to_owned())).or_default() += 1;
                counts.messages += messages(call);
            });
            let metered = match call.service {
                Service::DynamoDb => units::MeteredRequest::new(call.operation, call.body),
                Service::Streams | Service::Sqs => None,
            };
            let Some(metered) = metered else { return self.inner.call(call).await };
            let mut response = self.inner.call(AwsCall { body: metered.body(), ..call }).await?;
            let consumed = metered.take_units(&mut response);
            self.counts.change(|counts| {
                for (kind, target, units) in consumed.into_iter().filter(|(_, _, units)| *units > 0.0) {
                    *counts.units.entry((call.operation.to_owned(), kind, target)).or_default() += units;
                }
            });
            Ok(response)
        })
    }
}

/// The number of messages that a call sends to a queue.
fn messages(call: AwsCall<'_>) -> u64 {
    match (call.service, call.operation) {
        (Service::Sqs, "SendMessage") => 1,
        (Service::Sqs, "SendMessageBatch") => {
            let request: Option<serde_json::Value> = serde_json::from_slice(call.body).ok();
            request.and_then(|request| request["Entries"].as_array().map(Vec::len)).unwrap_or_default() as u64
        }
        (Service::Sqs | Service::DynamoDb | Service::Streams, _) => 0,
    }
}
