//! The copy that is behind.

use std::collections::VecDeque;

use embedded::{Answer, Call, Clock, Dynamo, EmbeddedError};

/// A second database to which successful writes are applied late, in their order.
///
/// Their conditions hold there as they held the first time. Nothing is applied until somebody reads.
pub(super) struct Replica {
    copy: Dynamo,
    behind: VecDeque<(String, Vec<u8>)>,
}

impl Replica {
    /// Makes an empty one, as the table it copies is still empty.
    pub(super) fn new(clock: Clock) -> Result<Self, EmbeddedError> {
        Ok(Self { copy: Dynamo::replica(clock)?, behind: VecDeque::new() })
    }

    /// Keeps a write to be applied later.
    pub(super) fn wrote(&mut self, call: Call<'_>) {
        self.behind.push_back((call.operation.to_owned(), call.body.to_vec()));
    }

    /// Applies writes until at most `lag` are left, and tells how many are.
    pub(super) fn catch_up(&mut self, lag: usize) -> usize {
        while self.behind.len() > lag {
            let Some((operation, body)) = self.behind.pop_front() else { break };
            let answer = self.copy.answer(&operation, &body);
            assert!(
                answer.is_ok(),
                "the replica refused a write that the table took, so their orders differ: {}",
                String::from_utf8_lossy(&answer.body)
            );
        }
        self.behind.len()
    }

    /// Answers a read.
    pub(super) fn answer(&self, call: Call<'_>) -> Answer {
        self.copy.answer(call.operation, call.body)
    }
}
