//! Limits of deliveries. Data over a limit is shortened, dropped or reported in an alert; only a
//! delivery over [`DELIVERY_BYTES`] is refused, and an alert reports that as well.

/// Largest delivery, in bytes. AWS Lambda itself accepts 6 MB.
pub const DELIVERY_BYTES: usize = 5 * 1024 * 1024;

/// Largest event within a delivery, in bytes.
pub const EVENT_BYTES: usize = 512 * 1024;

/// Deepest nesting of one event's JSON. It is far below the depth at which a recursive parser fails.
pub const EVENT_DEPTH: usize = 64;

/// Most events in one delivery. An alert of Alertmanager has at least 250 bytes, so no more than this number fit
/// into [`DELIVERY_BYTES`].
pub const EVENTS: usize = 20_000;

/// Most memory that the events of one delivery may use together, in bytes, because functions have little memory.
pub const EVENTS_BYTES: usize = 4 * DELIVERY_BYTES;

/// Longest deduplication key, in bytes. A longer key is replaced by its hash.
pub const KEY_BYTES: usize = 2_048;

/// Longest title, in bytes.
pub const TITLE_BYTES: usize = 4 * 1024;

/// Longest description, in bytes.
pub const DESCRIPTION_BYTES: usize = 64 * 1024;

/// Longest link, in bytes. A longer link is dropped, because a shortened link does not work.
pub const URL_BYTES: usize = 8 * 1024;

/// Longest priority, in bytes.
pub const PRIORITY_BYTES: usize = 256;

/// Most bytes that are kept of an unreadable event, to show them in the alert about it.
pub const SAMPLE_BYTES: usize = 4 * 1024;
