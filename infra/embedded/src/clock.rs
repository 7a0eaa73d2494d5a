//! Time, handed in.

use std::sync::Arc;

use dynoxide::storage_backend;

/// The time in milliseconds since the epoch, as whoever opens the bundle tells it.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Lends our clock to the database.
pub(crate) struct DatabaseClock(pub(crate) Clock);

impl storage_backend::Clock for DatabaseClock {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from((self.0)() / 1000).unwrap_or_default()
    }

    fn now_unix_secs_f64(&self) -> f64 {
        (self.0)() as f64 / 1000.0
    }
}
