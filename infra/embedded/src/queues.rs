//! Durable queues in one SQLite file, with the features of SQS that the functions use.

mod disk;
mod receive;
mod send;
mod settle;

pub(crate) use send::check;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::watch;

use self::disk::DiskSync;

use crate::clock::Clock;
use crate::error::EmbeddedError;

/// The longest delay of a message, in seconds.
pub(crate) const MAX_DELAY_S: i64 = 900;
/// The longest visibility timeout, in seconds.
pub(crate) const MAX_VISIBILITY_S: i64 = 43_200;
/// The largest body of a message, in bytes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;
/// How long a message is kept, in milliseconds: 14 days.
const RETENTION_MS: i64 = 14 * 24 * 3600 * 1000;

/// The declaration of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSpec {
    /// The name, which is the last part of the queue's URL.
    pub name: String,
    /// How many seconds a received message is hidden from other consumers.
    pub visibility_timeout_s: u32,
    /// How often a message is received before it goes to the dead-letter queue.
    pub max_receive_count: u32,
    /// The dead-letter queue; `None` if such messages stay.
    pub dead_letter: Option<String>,
}

/// A message to send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewMessage {
    /// The body.
    pub body: String,
    /// The group, such as an organisation and its source. The queue serves groups in turn.
    pub group: Option<String>,
    /// How many seconds the message is hidden at first.
    pub delay_s: i64,
}

/// A received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The id, which is the same each time the message is received.
    pub id: String,
    /// The receipt handle, with which the message is deleted or hidden longer.
    pub receipt: String,
    /// The body.
    pub body: String,
    /// How often the message was received, including this time.
    pub receives: u32,
    /// The group, if it was sent with one.
    pub group: Option<String>,
    /// The time when it was sent, in milliseconds since the Unix epoch.
    pub sent_at: i64,
    /// The time when it was first received, in milliseconds since the Unix epoch.
    pub first_received_at: i64,
}

/// An accepted message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// The id.
    pub id: String,
}

/// Why an operation on a queue failed.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The queue is not declared.
    #[error("there is no queue `{0}`")]
    NoQueue(String),
    /// The receipt handle is invalid.
    #[error("the receipt handle `{0}` is not valid")]
    BadReceipt(String),
    /// The message of the receipt handle is deleted, visible again, or received again.
    #[error("the message with receipt handle `{0}` is not in flight")]
    NotInFlight(String),
    /// A parameter is outside the limits of SQS.
    #[error("{0}")]
    Invalid(String),
    /// The SQLite file failed.
    #[error("cannot use the SQLite file of the queues")]
    File(#[from] rusqlite::Error),
    /// The disk failed.
    #[error("a sent message may not be on the disk")]
    Disk(#[source] std::io::Error),
}

/// The embedded queues.
#[derive(Clone)]
pub struct Queues {
    shared: Arc<Shared>,
}

/// The state that all handles of the queues share.
struct Shared {
    connection: Mutex<State>,
    specs: BTreeMap<String, QueueSpec>,
    wakes: HashMap<String, watch::Sender<u64>>,
    clock: Clock,
    disk: Option<DiskSync>,
}

/// The connection, and state that is not kept over a restart.
struct State {
    db: Connection,
    /// The group that was served last, by queue.
    turns: HashMap<String, String>,
    /// The time when expired messages were last deleted, by queue.
    swept: HashMap<String, i64>,
}

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS message (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        queue TEXT NOT NULL,
        grp TEXT NOT NULL,
        visible_at INTEGER NOT NULL,
        body TEXT NOT NULL,
        sent_at INTEGER NOT NULL,
        receives INTEGER NOT NULL DEFAULT 0,
        receipt INTEGER NOT NULL DEFAULT 0,
        first_received_at INTEGER
    );
    CREATE INDEX IF NOT EXISTS message_turn ON message(queue, grp, visible_at, seq);
    CREATE INDEX IF NOT EXISTS message_next ON message(queue, visible_at);
    CREATE INDEX IF NOT EXISTS message_age ON message(queue, sent_at);
    CREATE TABLE IF NOT EXISTS checkpoint (stream TEXT PRIMARY KEY, sequence TEXT NOT NULL);
";

impl Queues {
    /// Opens the queues in a file.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be used or a dead-letter queue is not declared.
    pub fn open(path: &Path, specs: Vec<QueueSpec>, clock: Clock) -> Result<Self, EmbeddedError> {
        let db = Connection::open(path).map_err(EmbeddedError::file("queues"))?;
        let queues = Self::new(db, specs, clock, Some(path))?;
        queues.recover().map_err(EmbeddedError::file("queues"))?;
        Ok(queues)
    }

    /// Makes the messages visible that an earlier process had received and not deleted.
    ///
    /// One process at a time uses a file, so no consumer is left that could delete those messages.
    fn recover(&self) -> rusqlite::Result<()> {
        let now = self.now();
        self.state().db.execute(
            "UPDATE message SET visible_at = ?1, receives = receives - 1 WHERE receives > 0 AND visible_at > ?1",
            [now],
        )?;
        Ok(())
    }

    /// Opens queues in memory, which are lost with the process.
    ///
    /// # Errors
    ///
    /// Fails if a dead-letter queue is not declared.
    pub fn memory(specs: Vec<QueueSpec>, clock: Clock) -> Result<Self, EmbeddedError> {
        let db = Connection::open_in_memory().map_err(EmbeddedError::file("queues"))?;
        Self::new(db, specs, clock, None)
    }

    fn new(
        db: Connection,
        specs: Vec<QueueSpec>,
        clock: Clock,
        file: Option<&Path>,
    ) -> Result<Self, EmbeddedError> {
        let prepare = || {
            db.busy_timeout(std::time::Duration::from_secs(5))?;
            db.pragma_update(None, "journal_mode", "WAL")?;
            // `sync` forces a sent message to the disk before the call is answered. If a receive or a deletion is lost,
            // the message is received once more, which every consumer expects.
            db.pragma_update(None, "synchronous", "NORMAL")?;
            db.execute_batch(SCHEMA)
        };
        prepare().map_err(EmbeddedError::file("queues"))?;
        let specs: BTreeMap<String, QueueSpec> =
            specs.into_iter().map(|spec| (spec.name.clone(), spec)).collect();
        for spec in specs.values() {
            if let Some(dead_letter) = spec.dead_letter.as_ref().filter(|name| !specs.contains_key(*name)) {
                return Err(EmbeddedError::UnknownDeadLetter {
                    queue: spec.name.clone(),
                    dead_letter: dead_letter.clone(),
                });
            }
        }
        let wakes = specs.keys().map(|name| (name.clone(), watch::Sender::new(0))).collect();
        let state = State { db, turns: HashMap::new(), swept: HashMap::new() };
        // The write-ahead log exists from here on.
        let disk = file.map(DiskSync::for_database).transpose().map_err(EmbeddedError::Log)?;
        Ok(Self { shared: Arc::new(Shared { connection: Mutex::new(state), specs, wakes, clock, disk }) })
    }

    /// Waits until all messages sent so far are on the disk, where they survive a power cut.
    ///
    /// # Errors
    ///
    /// Fails if the disk does.
    pub async fn sync(&self) -> Result<(), QueueError> {
        match &self.shared.disk {
            Some(disk) => disk.sync().await.map_err(QueueError::Disk),
            None => Ok(()),
        }
    }

    /// The declared queues, ordered by name.
    pub fn specs(&self) -> impl Iterator<Item = &QueueSpec> {
        self.shared.specs.values()
    }

    /// Subscribes to new messages of a queue.
    ///
    /// Subscribe before you read the queue: `changed()` then returns at once if a message was sent since. A delayed
    /// message counts as new when it is sent; [`Self::next_visible_at`] says when it can be received.
    ///
    /// # Errors
    ///
    /// Fails if there is no such queue.
    pub fn arrived(&self, queue: &str) -> Result<watch::Receiver<u64>, QueueError> {
        let wake = self.shared.wakes.get(queue).ok_or_else(|| QueueError::NoQueue(queue.to_owned()))?;
        Ok(wake.subscribe())
    }

    /// Counts the messages of a queue, visible or not.
    ///
    /// # Errors
    ///
    /// Fails if there is no such queue.
    pub fn depth(&self, queue: &str) -> Result<u64, QueueError> {
        let (visible, in_flight, delayed) = self.counts(queue)?;
        Ok(visible + in_flight + delayed)
    }

    /// Counts the messages of a queue: visible, received and not yet deleted, delayed.
    ///
    /// # Errors
    ///
    /// Fails if there is no such queue.
    pub fn counts(&self, queue: &str) -> Result<(u64, u64, u64), QueueError> {
        self.spec(queue)?;
        let now = self.now();
        let state = self.state();
        let row = state
            .db
            .prepare_cached(
                "SELECT COUNT(*) FILTER (WHERE visible_at <= ?2),
                        COUNT(*) FILTER (WHERE visible_at > ?2 AND receives > 0),
                        COUNT(*) FILTER (WHERE visible_at > ?2 AND receives = 0)
                 FROM message WHERE queue = ?1",
            )?
            .query_row(params![queue, now], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            })?;
        Ok((row.0.unsigned_abs(), row.1.unsigned_abs(), row.2.unsigned_abs()))
    }

    /// The time when the next message of a queue can be received, which may be in the past.
    ///
    /// # Errors
    ///
    /// Fails if there is no such queue.
    pub fn next_visible_at(&self, queue: &str) -> Result<Option<i64>, QueueError> {
        self.spec(queue)?;
        let state = self.state();
        let next = state
            .db
            .prepare_cached("SELECT MIN(visible_at) FROM message WHERE queue = ?1")?
            .query_row([queue], |row| row.get(0))?;
        Ok(next)
    }

    /// How long until the next message of a queue can be received; `None` if the queue is empty.
    ///
    /// # Errors
    ///
    /// Fails if there is no such queue.
    pub fn until_next(&self, queue: &str) -> Result<Option<std::time::Duration>, QueueError> {
        let wait = |at: i64| u64::try_from(at - self.now()).unwrap_or(0);
        Ok(self.next_visible_at(queue)?.map(|at| std::time::Duration::from_millis(wait(at))))
    }

    /// The sequence number up to which a stream was read.
    pub(crate) fn checkpoint(&self, stream: &str) -> rusqlite::Result<Option<String>> {
        let state = self.state();
        let mut read = state.db.prepare_cached("SELECT sequence FROM checkpoint WHERE stream = ?1")?;
        read.query_row([stream], |row| row.get(0)).optional()
    }

    /// Stores the sequence number up to which a stream was read.
    pub(crate) fn set_checkpoint(&self, stream: &str, sequence: &str) -> rusqlite::Result<()> {
        let state = self.state();
        let mut write = state.db.prepare_cached(
            "INSERT INTO checkpoint (stream, sequence) VALUES (?1, ?2)
             ON CONFLICT (stream) DO UPDATE SET sequence = excluded.sequence",
        )?;
        write.execute(params![stream, sequence])?;
        Ok(())
    }

    fn spec(&self, queue: &str) -> Result<&QueueSpec, QueueError> {
        self.shared.specs.get(queue).ok_or_else(|| QueueError::NoQueue(queue.to_owned()))
    }

    fn now(&self) -> i64 {
        (self.shared.clock)()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while holding the lock cannot leave half a change: SQLite rolls its transaction back.
        self.shared.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, queue: &str) {
        if let Some(wake) = self.shared.wakes.get(queue) {
            wake.send_modify(|count| *count += 1);
        }
    }
}

/// The id of a message: stable for a row, unique over restarts, and the same for the same seed of a story.
fn message_id(seq: i64) -> String {
    format!("00000000-0000-4000-8000-{seq:012x}")
}
