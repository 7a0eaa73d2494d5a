//! Helpers of the tests.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use embedded::{Clock, Embedded, QueueSpec};

/// A time in 2026, in milliseconds since the Unix epoch.
pub(crate) const NOON: i64 = 1_795_000_000_000;

/// A clock that stands still until a test moves it.
#[derive(Clone)]
pub(crate) struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that stands at noon.
    pub(crate) fn at_noon() -> Self {
        Self(Arc::new(AtomicI64::new(NOON)))
    }

    /// Moves the clock forward.
    pub(crate) fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// The clock for the embedded services.
    pub(crate) fn clock(&self) -> Clock {
        let now = self.0.clone();
        Arc::new(move || now.load(Ordering::SeqCst))
    }
}

/// A queue `work` with a dead-letter queue `work-dead` after three receives.
pub(crate) fn specs() -> Vec<QueueSpec> {
    let work = QueueSpec {
        name: "work".to_owned(),
        visibility_timeout_s: 30,
        max_receive_count: 3,
        dead_letter: Some("work-dead".to_owned()),
    };
    let dead = QueueSpec {
        name: "work-dead".to_owned(),
        visibility_timeout_s: 30,
        max_receive_count: 3,
        dead_letter: None,
    };
    vec![work, dead]
}

/// Embedded services in memory, with a clock at noon.
pub(crate) fn memory() -> (Embedded, ManualClock) {
    let clock = ManualClock::at_noon();
    (Embedded::memory(specs(), clock.clock()).unwrap(), clock)
}

/// A new directory in the build directory.
pub(crate) fn directory(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::SeqCst);
    let dir =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// A text attribute.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A key of the table.
pub(crate) fn key(pk: &str, sk: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

/// An item with a key and other text attributes.
pub(crate) fn item(pk: &str, sk: &str, more: &[(&str, &str)]) -> HashMap<String, AttributeValue> {
    let mut item = key(pk, sk);
    item.extend(more.iter().map(|(name, value)| ((*name).to_owned(), text(*value))));
    item
}
