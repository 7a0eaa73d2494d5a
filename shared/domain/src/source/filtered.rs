//! Events that did not become alerts: their number, and the last event of a draft source.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::AlertEvent;

/// Why an event did not become an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithoutAlert {
    /// The source's filter rejected it.
    Filtered,
    /// It ends an alert that Firebell does not know.
    UnmatchedEnd,
}

/// The events of a source that did not become alerts in a day, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilteredCount {
    /// The day, in UTC.
    pub day: String,
    /// How many events, at least.
    pub count: u64,
    /// The title of the last one.
    pub last_title: String,
    /// When it was received.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub last_at: Timestamp,
}

impl FilteredCount {
    /// The day that a time belongs to.
    pub fn day_of(at: Timestamp) -> String {
        at.strftime("%Y-%m-%d").to_string()
    }
}

/// The last event that a draft source received.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DraftSample {
    /// When its first event was received.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub received_at: Timestamp,
    /// The event.
    pub event: AlertEvent,
}

/// A minute of a source's rate limit, for one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateWindow {
    /// The minute, counted since 1970.
    pub minute: i64,
    /// The hash of the shard value.
    pub shard: String,
    /// How many alerts may be opened in it.
    pub most: u32,
}
