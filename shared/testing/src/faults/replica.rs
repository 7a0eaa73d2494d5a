//! Replicas of the database that are behind.

use std::collections::VecDeque;
use std::sync::Arc;

use embedded::{AwsCall, AwsResponse, Clock, Dynamo, EmbeddedError};
use fastrand::Rng;

/// The number of replicas: of two, one can show what the other does not show yet.
const COPIES: usize = 2;
/// How often a replica draws anew how far it may be behind. If it did so at every read, a replica that is read
/// often would hardly ever be behind: once it has caught up, it cannot go back.
const REDRAWN: f64 = 0.25;

/// Replicas to which successful writes are applied late, in their order.
///
/// A write's condition holds there as it held on the database. Nothing is applied before a read.
pub(super) struct Replicas {
    copies: Vec<Copy>,
}

/// A replica, and the writes that it has not applied yet.
struct Copy {
    database: Dynamo,
    behind: VecDeque<Arc<Write>>,
    lag: Option<usize>,
}

/// A write as it was sent.
struct Write {
    operation: String,
    body: Vec<u8>,
}

impl Replicas {
    /// Makes empty replicas of an empty table.
    pub(super) fn new(clock: &Clock) -> Result<Self, EmbeddedError> {
        let copy = || {
            let database = Dynamo::replica(clock.clone())?;
            Ok(Copy { database, behind: VecDeque::new(), lag: None })
        };
        let copies = (0..COPIES).map(|_| copy()).collect::<Result<_, EmbeddedError>>()?;
        Ok(Self { copies })
    }

    /// Keeps a write to be applied later.
    pub(super) fn wrote(&mut self, call: AwsCall<'_>) {
        let write = Arc::new(Write { operation: call.operation.to_owned(), body: call.body.to_vec() });
        for copy in &mut self.copies {
            copy.behind.push_back(write.clone());
        }
    }

    /// Answers a read from a replica that is at most `lag` writes behind. Returns by how many it is behind.
    pub(super) fn answer(&mut self, call: AwsCall<'_>, lag: usize, rng: &mut Rng) -> (AwsResponse, usize) {
        let copy = &mut self.copies[rng.usize(..COPIES)];
        if copy.lag.is_none() || rng.f64() < REDRAWN {
            copy.lag = Some(rng.usize(0..=lag));
        }
        copy.catch_up(copy.lag.unwrap_or_default());
        (copy.database.answer(call.operation, call.body), copy.behind.len())
    }
}

impl Copy {
    /// Applies writes until at most `lag` are left.
    fn catch_up(&mut self, lag: usize) {
        while self.behind.len() > lag {
            let Some(write) = self.behind.pop_front() else { return };
            let answer = self.database.answer(&write.operation, &write.body);
            assert!(
                answer.is_ok(),
                "a replica refused a write that the table took, so their orders differ: {}",
                String::from_utf8_lossy(&answer.body)
            );
        }
    }
}
