//! What is kept of events that became no alert: how many there were, and the last that came to a draft.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::AlertEvent;

/// What a source's filter held back in a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilteredCount {
    /// The day, in UTC.
    pub day: String,
    /// How many events, at least.
    pub count: u64,
    /// The title of the last one.
    pub last_title: String,
    /// When that was received.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub last_at: Timestamp,
}

impl FilteredCount {
    /// The day that a time belongs to.
    pub fn day_of(at: Timestamp) -> String {
        at.strftime("%Y-%m-%d").to_string()
    }
}

/// The last event that came to a draft.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DraftSample {
    /// When it was received.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub received_at: Timestamp,
    /// The event.
    pub event: AlertEvent,
}

/// The minute of a source, and of what it counts apart, in which only so many alerts begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateWindow {
    /// The minute, counted since 1970.
    pub minute: i64,
    /// The hash of what is counted apart.
    pub shard: String,
    /// How many alerts may begin in it.
    pub most: u32,
}
