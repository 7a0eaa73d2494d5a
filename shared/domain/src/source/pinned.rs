//! The one topic that a source behind SNS takes anything from.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Door;
use crate::id::{OrgId, SourceId};
use crate::text::fingerprint;

/// A topic that asked to be confirmed, with the source's secret, before any other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// The organisation.
    pub org: OrgId,
    /// The source.
    pub source: SourceId,
    /// The topic.
    pub topic: String,
    /// Which secret it asked with; with another one, the source knows no topic.
    pub secret: String,
    /// When it asked.
    pub at: Timestamp,
}

impl Pinned {
    /// A topic for the source behind this door.
    pub fn new(door: &Door, topic: String, at: Timestamp) -> Self {
        Self { org: door.org, source: door.id, topic, secret: secret_of(door), at }
    }

    /// Whether it still holds: the secret is the one that it asked with.
    pub fn holds(&self, door: &Door) -> bool {
        self.source == door.id && self.secret == secret_of(door)
    }
}

/// Which secret a door has, told by the way it is sealed: sealed anew it is another one.
fn secret_of(door: &Door) -> String {
    fingerprint(door.secret.as_bytes(), 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceKind;

    #[test]
    fn topic_is_forgotten_with_the_secret_that_it_asked_with() {
        let at = Timestamp::UNIX_EPOCH;
        let door = |secret: &str, id: u128| Door {
            org: OrgId::new(at, 1),
            id: SourceId::new(at, id),
            previous: None,
            kind: SourceKind("cloudwatch".to_owned()),
            secret: secret.to_owned(),
            open: true,
        };
        let pinned = Pinned::new(&door("sealed", 2), "arn:aws:sns:eu-west-1:1:x".to_owned(), at);

        assert!(pinned.holds(&door("sealed", 2)));
        assert!(!pinned.holds(&door("sealed anew", 2)) && !pinned.holds(&door("sealed", 3)));
    }
}
