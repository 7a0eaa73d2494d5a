//! Durable queues on one SQLite file, as far as the functions use those of SQS.

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

use self::disk::Disk;

use crate::clock::Clock;
use crate::error::EmbeddedError;

/// The most a message may be delayed when it is sent, in seconds.
pub(crate) const MAX_DELAY_S: i64 = 900;
/// The longest a message may be hidden from other consumers, in seconds.
pub(crate) const MAX_VISIBILITY_S: i64 = 43_200;
/// The largest body, in bytes.
pub(crate) const MAX_BODY: usize = 1024 * 1024;
/// How long a message is kept, in milliseconds: 14 days.
const RETENTION_MS: i64 = 14 * 24 * 3600 * 1000;

/// A queue as it is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSpec {
    /// Its name, the last part of its URL.
    pub name: String,
    /// How long a received message is hidden from other consumers.
    pub visibility_timeout_s: u32,
    /// After how many receives a message goes to the dead-letter queue instead of being received again.
    pub max_receive_count: u32,
    /// The queue such messages go to; without one they stay.
    pub dead_letter: Option<String>,
}

/// A message to send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewMessage {
    /// The body.
    pub body: String,
    /// The group within which the queue is fair to others, such as tenant and source.
    pub group: Option<String>,
    /// How long the message stays hidden at first.
    pub delay_s: i64,
}

/// A message as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The id, kept however often it is received.
    pub id: String,
    /// The handle of this receive: by it the message is deleted or hidden longer.
    pub receipt: String,
    /// The body.
    pub body: String,
    /// How often it was received, this time included.
    pub receives: u32,
    /// The group it was sent with.
    pub group: Option<String>,
    /// When it was sent, in milliseconds since the epoch.
    pub sent_at: i64,
    /// When it was first received, in milliseconds since the epoch.
    pub first_received_at: i64,
}

/// A message as accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The id.
    pub id: String,
}

/// Why a queue refuses.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// No such queue is declared.
    #[error("no queue `{0}`")]
    NoQueue(String),
    /// A receipt that no receive ever gave.
    #[error("the receipt handle `{0}` is not valid")]
    BadReceipt(String),
    /// The message of this receipt is deleted, visible again, or received by someone else.
    #[error("the message of receipt handle `{0}` is not in flight")]
    NotInFlight(String),
    /// A number or body outside of what SQS takes.
    #[error("{0}")]
    Invalid(String),
    /// The file below.
    #[error("using the sqlite file of the queues")]
    File(#[from] rusqlite::Error),
    /// The disk below.
    #[error("what was sent may not be on the disk")]
    Disk(#[source] std::io::Error),
}

/// The queues.
#[derive(Clone)]
pub struct Queues {
    shared: Arc<Shared>,
}

/// What all handles on the queues share.
struct Shared {
    connection: Mutex<State>,
    specs: BTreeMap<String, QueueSpec>,
    wakes: HashMap<String, watch::Sender<u64>>,
    clock: Clock,
    disk: Option<Disk>,
}

/// The connection and what is not worth keeping over a restart.
struct State {
    db: Connection,
    /// The group last served, per queue: where its turn stands.
    turns: HashMap<String, String>,
    /// When each queue was last cleared of messages past retention.
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

    /// Makes what an earlier process had received visible again, as if it had not.
    ///
    /// A file has one process at a time, so nobody is left who could still delete those messages.
    fn recover(&self) -> rusqlite::Result<()> {
        let now = self.now();
        self.state().db.execute(
            "UPDATE message SET visible_at = ?1, receives = receives - 1 WHERE receives > 0 AND visible_at > ?1",
            [now],
        )?;
        Ok(())
    }

    /// Opens queues that are gone with the process.
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
            // What is sent is forced to the disk apart from this, before it is answered; a message that is received or
            // deleted once more is as if it had come twice.
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
        // Only now is there a log.
        let disk = file.map(Disk::beside).transpose().map_err(EmbeddedError::Log)?;
        Ok(Self { shared: Arc::new(Shared { connection: Mutex::new(state), specs, wakes, clock, disk }) })
    }

    /// Waits until all that was sent by now is on the disk, and outlives a power cut.
    ///
    /// # Errors
    ///
    /// Fails if the disk does.
    pub async fn force(&self) -> Result<(), QueueError> {
        match &self.shared.disk {
            Some(disk) => disk.force().await.map_err(QueueError::Disk),
            None => Ok(()),
        }
    }

    /// The queues as declared, by name.
    pub fn specs(&self) -> impl Iterator<Item = &QueueSpec> {
        self.shared.specs.values()
    }

    /// Tells whether something arrived in a queue.
    ///
    /// Get it before looking into the queue: `changed()` then returns at once if something was sent since, so that
    /// no wake-up is missed. A delayed message wakes when it is sent; for when it can be received ask
    /// [`Self::next_visible_at`].
    ///
    /// # Errors
    ///
    /// Fails if there is no such queue.
    pub fn arrived(&self, queue: &str) -> Result<watch::Receiver<u64>, QueueError> {
        let wake = self.shared.wakes.get(queue).ok_or_else(|| QueueError::NoQueue(queue.to_owned()))?;
        Ok(wake.subscribe())
    }

    /// Counts a queue's messages, visible or not.
    ///
    /// # Errors
    ///
    /// Fails if there is no such queue.
    pub fn depth(&self, queue: &str) -> Result<u64, QueueError> {
        let (visible, in_flight, delayed) = self.counts(queue)?;
        Ok(visible + in_flight + delayed)
    }

    /// Counts a queue's messages: visible, received and not yet deleted, delayed.
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

    /// Tells when the next message of a queue can be received, which may be in the past.
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

    /// How long until the next message of a queue can be received: nothing if one can be now.
    ///
    /// # Errors
    ///
    /// Fails if there is no such queue.
    pub fn until_next(&self, queue: &str) -> Result<Option<std::time::Duration>, QueueError> {
        let wait = |at: i64| u64::try_from(at - self.now()).unwrap_or(0);
        Ok(self.next_visible_at(queue)?.map(|at| std::time::Duration::from_millis(wait(at))))
    }

    /// The place a stream was read up to.
    pub(crate) fn checkpoint(&self, stream: &str) -> rusqlite::Result<Option<String>> {
        let state = self.state();
        let mut read = state.db.prepare_cached("SELECT sequence FROM checkpoint WHERE stream = ?1")?;
        read.query_row([stream], |row| row.get(0)).optional()
    }

    /// Keeps the place a stream was read up to.
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

/// Writes a message's id: stable for a row, unique over restarts, and the same again for the same seed.
fn message_id(seq: i64) -> String {
    format!("00000000-0000-4000-8000-{seq:012x}")
}
