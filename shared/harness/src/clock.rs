//! A clock that stands until the test moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use app::Clock;
use domain::Timestamp;

/// A clock that stands until it is moved. Copies of it are the same clock.
#[derive(Debug, Clone)]
pub struct SetClock(Arc<AtomicI64>);

impl SetClock {
    /// A clock that stands at a time, in milliseconds.
    pub fn at(milliseconds: i64) -> Self {
        Self(Arc::new(AtomicI64::new(milliseconds)))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Moves it on.
    pub fn pass_milliseconds(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }

    /// Moves it on.
    pub fn pass(&self, seconds: i64) {
        self.pass_milliseconds(seconds * 1000);
    }

    /// The clock as `app` reads it.
    pub fn clock(&self) -> Clock {
        let own = self.clone();
        Arc::new(move || own.now())
    }

    /// The clock as the embedded services read it.
    pub fn milliseconds(&self) -> embedded::Clock {
        let own = self.clone();
        Arc::new(move || own.now().as_millisecond())
    }
}
