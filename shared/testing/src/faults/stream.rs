//! A stream of many shards: ordered within an item, not across items, and at least once.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use embedded::{EmbeddedError, Record, Stream};

use super::{Fault, Faults};

/// A stream whose records overtake each other and repeat.
///
/// It reads on by itself. What it handed out and its reader did not finish, the reader must hand to its function again,
/// before anything else of those items, as the event source mapping does on AWS.
pub struct FaultyStream {
    faults: Arc<Faults>,
    stream: Stream,
    /// The last record read from below.
    read: Option<String>,
    /// Read and not yet handed out, in order.
    waiting: VecDeque<Record>,
}

impl FaultyStream {
    /// Reads `stream` from its checkpoint on, with the faults of `faults`.
    pub fn new(faults: Arc<Faults>, stream: Stream) -> Self {
        Self { faults, stream, read: None, waiting: VecDeque::new() }
    }

    /// Returns up to `max` records; empty only if no record waits.
    ///
    /// # Errors
    ///
    /// Fails if the stream does.
    pub fn next(&mut self, max: usize) -> Result<Vec<Record>, EmbeddedError> {
        self.read_on(max)?;
        let held = self.draw_held();
        let mut batch = self.take(max, &held);
        if batch.is_empty() {
            // All other items are done, so the held ones go now.
            batch = self.take(max, &BTreeSet::new());
        } else if !held.is_empty() {
            self.faults.state().log.inject("GetRecords", Fault::StreamReordered);
        }
        let batch = self.mixed(batch);
        Ok(self.repeated(batch))
    }

    /// The number of records that were read and not yet returned.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Reads new records from the stream.
    fn read_on(&mut self, max: usize) -> Result<(), EmbeddedError> {
        let new = match &self.read {
            Some(sequence) => self.stream.read_after(sequence, max)?,
            None => self.stream.read(max)?,
        };
        if let Some(last) = new.last() {
            self.read = Some(last.sequence.clone());
        }
        self.waiting.extend(new);
        Ok(())
    }

    /// Draws the items whose records wait.
    fn draw_held(&self) -> BTreeSet<String> {
        let mut state = self.faults.state();
        let keys: BTreeSet<&str> = self.waiting.iter().map(|record| record.key.as_str()).collect();
        let rate = self.faults.plan().stream_reordered;
        keys.into_iter().filter(|_| state.draw(rate)).map(str::to_owned).collect()
    }

    /// Takes records in order, except those of items that wait.
    fn take(&mut self, max: usize, held: &BTreeSet<String>) -> Vec<Record> {
        let mut batch = Vec::new();
        let mut rest = VecDeque::new();
        for record in self.waiting.drain(..) {
            if batch.len() < max && !held.contains(&record.key) {
                batch.push(record);
            } else {
                rest.push_back(record);
            }
        }
        self.waiting = rest;
        batch
    }

    /// Merges the records of a batch in another order, and keeps the order within each item.
    fn mixed(&self, batch: Vec<Record>) -> Vec<Record> {
        let mut state = self.faults.state();
        if batch.len() < 2 || !state.draw(self.faults.plan().stream_reordered) {
            return batch;
        }
        state.log.inject("GetRecords", Fault::StreamReordered);
        let mut lanes: Vec<(String, VecDeque<Record>)> = Vec::new();
        for record in batch {
            match lanes.iter_mut().find(|(key, _)| *key == record.key) {
                Some((_, lane)) => lane.push_back(record),
                None => lanes.push((record.key.clone(), VecDeque::from([record]))),
            }
        }
        let mut mixed = Vec::new();
        while !lanes.is_empty() {
            let lane = state.rng.usize(..lanes.len());
            mixed.extend(lanes[lane].1.pop_front());
            if lanes[lane].1.is_empty() {
                lanes.swap_remove(lane);
            }
        }
        mixed
    }

    /// Repeats some records, each right after itself so that an item's order holds.
    fn repeated(&self, batch: Vec<Record>) -> Vec<Record> {
        let rate = self.faults.plan().stream_repeated;
        let mut state = self.faults.state();
        let mut repeated = Vec::with_capacity(batch.len());
        for record in batch {
            let again = state.draw(rate).then(|| record.clone());
            if again.is_some() {
                state.log.inject("GetRecords", Fault::StreamRepeated);
            }
            repeated.push(record);
            repeated.extend(again);
        }
        repeated
    }
}
