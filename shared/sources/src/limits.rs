//! How much of a sender's text is handled. Past a limit, somebody is told; nothing is refused for it.

/// The bytes of a whole delivery; the platform itself takes 6 MB.
pub const DELIVERY_BYTES: usize = 5 * 1024 * 1024;

/// The bytes of one event's own slice of a delivery.
pub const EVENT_BYTES: usize = 512 * 1024;

/// How deep one event's JSON may nest; well below where a parser that recurses gives up by itself.
pub const EVENT_DEPTH: usize = 64;

/// The events of one delivery. An alert as Alertmanager writes it has 250 bytes at the least, so that this many are
/// all that fit into [`DELIVERY_BYTES`].
pub const EVENTS: usize = 20_000;

/// What the events of one delivery may hold together: the memory of a function is small.
pub const EVENTS_BYTES: usize = 4 * DELIVERY_BYTES;

/// The bytes of a deduplication key; a longer one is replaced by its hash.
pub const KEY_BYTES: usize = 2_048;

/// The bytes of a title.
pub const TITLE_BYTES: usize = 4 * 1024;

/// The bytes of a description.
pub const DESCRIPTION_BYTES: usize = 64 * 1024;

/// The bytes of a link; a longer one is dropped, since a link that was cut leads nowhere.
pub const URL_BYTES: usize = 8 * 1024;

/// The bytes of a priority.
pub const PRIORITY_BYTES: usize = 256;

/// The bytes kept of what could not be read.
pub const SAMPLE_BYTES: usize = 4 * 1024;
