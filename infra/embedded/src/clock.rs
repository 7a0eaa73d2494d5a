//! The clock of the embedded services, given by the program that opens them.

use std::sync::Arc;

use dynoxide::storage_backend;

/// Returns the time in milliseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Passes our clock to the database.
pub(crate) struct DatabaseClock(pub(crate) Clock);

impl storage_backend::Clock for DatabaseClock {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from((self.0)() / 1000).unwrap_or_default()
    }

    fn now_unix_secs_f64(&self) -> f64 {
        (self.0)() as f64 / 1000.0
    }
}
