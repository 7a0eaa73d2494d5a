//! The previous secret of a source, which stays valid until every sender has the new one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The secret before the last rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// The secret, sealed.
    pub secret: String,
    /// Its hash, if the secret alone identifies the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Until when it is valid.
    pub until: Timestamp,
}

impl PreviousSecret {
    /// Says whether it is valid at a time.
    pub fn holds(&self, at: Timestamp) -> bool {
        at < self.until
    }
}
