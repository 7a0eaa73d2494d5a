//! A secret that was replaced, and still holds until every sender has the new one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The secret before the last rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// The secret, sealed.
    pub secret: String,
    /// Its hash, where that alone leads to the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Until when it holds.
    pub until: Timestamp,
}

impl PreviousSecret {
    /// Says whether it holds at a time.
    pub fn holds(&self, at: Timestamp) -> bool {
        at < self.until
    }
}
