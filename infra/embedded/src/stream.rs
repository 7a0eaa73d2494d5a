//! The stream of the table, with records as a function on AWS gets them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use dynoxide::Database;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::encode_shard_iterator;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::error::EmbeddedError;
use crate::queues::Queues;
use crate::table::TABLE;

/// The number that the database adds to a sequence number to give it 21 digits.
const OFFSET: u128 = 100_000_000_000_000_000_000;
/// How many records are deleted in one statement, so that other writers do not wait long.
const TRIM_BATCH: usize = 500;

/// A stream record: one change of one item.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The sequence number.
    pub sequence: String,
    /// `INSERT`, `MODIFY` or `REMOVE`.
    pub event_name: String,
    /// The key of the item as text: records of one item have the same.
    pub key: String,
    /// The record as it is in the `Records` of a function's event.
    pub event: Value,
}

/// The stream of the table.
#[derive(Clone)]
pub struct Stream {
    db: Database,
    queues: Queues,
    written: Arc<watch::Sender<u64>>,
    trimmer: Option<Arc<Trimmer>>,
}

impl Stream {
    /// The stream of a database; `file` is the file of the database, if it has one.
    pub(crate) fn new(
        db: Database,
        queues: Queues,
        written: Arc<watch::Sender<u64>>,
        file: Option<PathBuf>,
    ) -> Result<Self, EmbeddedError> {
        let trimmer = file.map(Trimmer::open).transpose()?.map(Arc::new);
        Ok(Self { db, queues, written, trimmer })
    }

    /// Subscribes to writes to the table.
    ///
    /// Subscribe before you read: `changed()` then returns at once if something was written since.
    pub fn written(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }

    /// Reads up to `max` records after the checkpoint, in order.
    ///
    /// # Errors
    ///
    /// Fails if one of the two files does.
    pub fn read(&self, max: usize) -> Result<Vec<Record>, EmbeddedError> {
        let position = match self.queues.checkpoint(TABLE).map_err(EmbeddedError::file("checkpoint"))? {
            Some(sequence) => stored(&sequence)?,
            None => 0,
        };
        self.read_from(position, max)
    }

    /// Reads up to `max` records after the one with this sequence number, in order.
    ///
    /// # Errors
    ///
    /// Fails if the database does, or no record can have this number.
    pub fn read_after(&self, sequence: &str, max: usize) -> Result<Vec<Record>, EmbeddedError> {
        self.read_from(stored(sequence)?, max)
    }

    /// Stores that all records up to this one were handled.
    ///
    /// # Errors
    ///
    /// Fails if the file does, or no record can have this number.
    pub fn checkpoint(&self, sequence: &str) -> Result<(), EmbeddedError> {
        stored(sequence)?;
        self.queues.set_checkpoint(TABLE, sequence).map_err(EmbeddedError::file("checkpoint"))
    }

    /// Deletes the records up to the checkpoint except the newest; returns how many.
    ///
    /// The newest stays because the database continues its numbers. Without it, a clock that is set back could give a
    /// later record a number before the checkpoint, and the record would never be read. In memory, nothing is deleted.
    ///
    /// # Errors
    ///
    /// Fails if one of the two files does.
    pub fn trim(&self) -> Result<usize, EmbeddedError> {
        let Some(trimmer) = &self.trimmer else { return Ok(0) };
        let checkpoint = self.queues.checkpoint(TABLE).map_err(EmbeddedError::file("checkpoint"))?;
        match checkpoint {
            Some(sequence) => trimmer.trim(stored(&sequence)?).map_err(EmbeddedError::file("stream")),
            None => Ok(0),
        }
    }

    /// Counts the stored records, read or not. In memory it reads them all.
    ///
    /// # Errors
    ///
    /// Fails if the database's file does.
    pub fn len(&self) -> Result<usize, EmbeddedError> {
        match &self.trimmer {
            Some(trimmer) => trimmer.len().map_err(EmbeddedError::file("stream")),
            None => self.count_by_reading(),
        }
    }

    /// Whether no record is stored.
    ///
    /// # Errors
    ///
    /// As [`Self::len`].
    pub fn is_empty(&self) -> Result<bool, EmbeddedError> {
        Ok(self.len()? == 0)
    }

    fn count_by_reading(&self) -> Result<usize, EmbeddedError> {
        let (mut position, mut count) = (0, 0);
        loop {
            let records = self.read_from(position, 1000)?;
            let Some(last) = records.last() else { return Ok(count) };
            position = stored(&last.sequence)?;
            count += records.len();
        }
    }

    fn read_from(&self, position: i64, max: usize) -> Result<Vec<Record>, EmbeddedError> {
        let shard = dynoxide::streams::shard_id(TABLE);
        let request = GetRecordsRequest {
            shard_iterator: encode_shard_iterator(TABLE, &shard, position),
            limit: Some(max),
        };
        let response =
            self.db.get_records(request).map_err(EmbeddedError::database("reading stream records"))?;
        Ok(response
            .records
            .iter()
            .filter_map(|record| serde_json::to_value(record).ok())
            .map(record)
            .collect())
    }
}

/// Converts a record of the database, with an id that is the same for the same seed of a story.
fn record(mut event: Value) -> Record {
    let change = &event["dynamodb"];
    let sequence = change["SequenceNumber"].as_str().unwrap_or_default().to_owned();
    let key = change["Keys"].to_string();
    let event_name = event["eventName"].as_str().unwrap_or_default().to_owned();
    event["eventID"] = json!(sequence);
    event["awsRegion"] = json!("local");
    event["eventSourceARN"] =
        json!(format!("arn:aws:dynamodb:local:000000000000:table/{TABLE}/stream/local"));
    Record { sequence, event_name, key, event }
}

/// The number that the database stores for a sequence number.
fn stored(sequence: &str) -> Result<i64, EmbeddedError> {
    let number: Option<u128> = sequence.parse().ok();
    number
        .and_then(|number| number.checked_sub(OFFSET))
        .and_then(|number| i64::try_from(number).ok())
        .ok_or_else(|| EmbeddedError::Sequence(sequence.to_owned()))
}

/// A second connection to the database file, which adds indexes and deletes old records.
///
/// With every write, the database looks up the highest sequence number without an index, and it never deletes a record.
/// Without this connection, each write would take longer than the one before.
struct Trimmer(Mutex<Connection>);

impl Trimmer {
    /// Opens the connection and creates the indexes.
    fn open(file: PathBuf) -> Result<Self, EmbeddedError> {
        let prepare = || {
            let db = Connection::open(file)?;
            db.busy_timeout(std::time::Duration::from_secs(5))?;
            db.execute_batch(
                "CREATE INDEX IF NOT EXISTS firebell_stream_sequence
                     ON _stream_records(table_name, CAST(sequence_number AS INTEGER));
                 CREATE INDEX IF NOT EXISTS firebell_stream_shard
                     ON _stream_records(table_name, shard_id, CAST(sequence_number AS INTEGER));",
            )?;
            Ok(db)
        };
        prepare().map(|db| Self(Mutex::new(db))).map_err(EmbeddedError::file("stream"))
    }

    /// Counts the records.
    fn len(&self) -> rusqlite::Result<usize> {
        let db = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        db.query_row("SELECT COUNT(*) FROM _stream_records WHERE table_name = ?1", [TABLE], |row| row.get(0))
    }

    /// Deletes the records up to a stored sequence number, in batches.
    fn trim(&self, up_to: i64) -> rusqlite::Result<usize> {
        let db = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut delete = db.prepare_cached(
            "DELETE FROM _stream_records WHERE id IN (
                 SELECT id FROM _stream_records
                 WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) <= ?2
                   AND CAST(sequence_number AS INTEGER) <
                       (SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = ?1)
                 ORDER BY CAST(sequence_number AS INTEGER) LIMIT ?3)",
        )?;
        let mut deleted = 0;
        loop {
            let now = delete.execute(params![TABLE, up_to, TRIM_BATCH as i64])?;
            deleted += now;
            if now < TRIM_BATCH {
                return Ok(deleted);
            }
        }
    }
}
