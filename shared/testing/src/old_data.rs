//! A data directory that an older version wrote, and in the middle of whose work it was killed.
//!
//! `fixtures/ec35dec/README.md` says what is in it, and how it was made.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context as _;
use domain::Timestamp;
use embedded::{Embedded, NewMessage, Record};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

/// The longest time for which a queue keeps a message back, in milliseconds.
const MOST_DELAY_MS: i64 = 900_000;

/// A copy of the directory, removed when this is dropped.
pub struct OldData {
    dir: PathBuf,
    /// Ids, secrets and links that the directory holds or that were given to people.
    pub facts: Value,
}

impl OldData {
    /// Unpacks a copy.
    ///
    /// # Errors
    /// If the fixture cannot be read, or the copy cannot be written.
    pub fn unpack() -> anyhow::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("firebell-old-data-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        let fixture = fixture();
        for name in ["table.sqlite", "queue.sqlite"] {
            let packed = std::fs::File::open(fixture.join(format!("{name}.zst")))?;
            zstd::stream::copy_decode(packed, std::fs::File::create(dir.join(name))?)?;
        }
        for name in ["key", "api-key"] {
            std::fs::copy(fixture.join(name), dir.join(name))?;
        }
        std::fs::create_dir_all(dir.join("mail-in"))?;
        for mail in std::fs::read_dir(fixture.join("mail-in"))? {
            let mail = mail?;
            std::fs::copy(mail.path(), dir.join("mail-in").join(mail.file_name()))?;
        }
        let facts = serde_json::from_slice(&std::fs::read(fixture.join("facts.json"))?)?;
        Ok(Self { dir, facts })
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// When the old version was killed.
    pub fn stopped_at(&self) -> Timestamp {
        let at = self.facts["stopped_at"].as_i64().unwrap_or_default();
        Timestamp::from_millisecond(at).unwrap_or_default()
    }

    /// A fact by its JSON pointer.
    #[track_caller]
    pub fn fact(&self, pointer: &str) -> &str {
        let fact = self.facts.pointer(pointer).and_then(Value::as_str);
        fact.unwrap_or_else(|| panic!("there is no fact at `{pointer}`"))
    }

    /// Opens the directory with the code of today, at the time at which the old version was killed.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(&self) -> anyhow::Result<Embedded> {
        let at = self.stopped_at().as_millisecond();
        Ok(Embedded::open(&self.dir, local::queues::specs(), Arc::new(move || at))?)
    }

    /// Every item of the table, in the JSON of DynamoDB.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub fn items(&self) -> anyhow::Result<Vec<Value>> {
        let embedded = self.open()?;
        let (mut items, mut from) = (Vec::new(), Value::Null);
        loop {
            let mut scan = json!({ "TableName": embedded::TABLE, "ConsistentRead": true });
            if !from.is_null() {
                scan["ExclusiveStartKey"] = from;
            }
            let answer = embedded.dynamo().answer("Scan", &serde_json::to_vec(&scan)?);
            anyhow::ensure!(answer.is_ok(), "scan: {}", String::from_utf8_lossy(&answer.body));
            let mut page: Value = serde_json::from_slice(&answer.body)?;
            items.append(page["Items"].as_array_mut().context("a scan has items")?);
            from = page["LastEvaluatedKey"].take();
            if from.is_null() {
                return Ok(items);
            }
        }
    }

    /// The records of the stream that were not relayed yet.
    ///
    /// # Errors
    /// If the stream cannot be read.
    pub fn records(&self) -> anyhow::Result<Vec<Record>> {
        Ok(self.open()?.stream().read(1000)?)
    }

    /// The messages on the queues, each with its queue. Those that were being handled can be received at once.
    ///
    /// # Errors
    /// If the queues cannot be read.
    pub fn messages(&self) -> anyhow::Result<Vec<(String, NewMessage)>> {
        let file = self.dir.join("queue.sqlite");
        let db = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut select =
            db.prepare("SELECT queue, grp, visible_at, body, receives FROM message ORDER BY seq")?;
        let stopped_at = self.stopped_at().as_millisecond();
        let messages = select.query_map([], |row| {
            let (group, visible_at, receives): (String, i64, i64) = (row.get(1)?, row.get(2)?, row.get(4)?);
            let wait = if receives > 0 { 0 } else { (visible_at - stopped_at).clamp(0, MOST_DELAY_MS) };
            let group = (!group.is_empty()).then_some(group);
            Ok((row.get(0)?, NewMessage { body: row.get(3)?, group, delay_s: (wait + 999) / 1000 }))
        })?;
        Ok(messages.collect::<Result<_, _>>()?)
    }
}

impl Drop for OldData {
    fn drop(&mut self) {
        // What stays in the directory for temporary files does no harm.
        let _removed = std::fs::remove_dir_all(&self.dir);
    }
}

/// Where the fixture is.
pub fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ec35dec")
}
