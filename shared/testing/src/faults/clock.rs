//! The clock of stories.

use std::sync::Arc;

use embedded::Clock;
use tokio::time::Instant;

/// A clock that starts at `base` (milliseconds since the epoch) and goes with the runtime's time, paused or not.
///
/// Make it inside the runtime of the story.
pub fn story_clock(base: i64) -> Clock {
    let start = Instant::now();
    Arc::new(move || {
        let passed = Instant::now().duration_since(start).as_millis();
        base.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX))
    })
}
