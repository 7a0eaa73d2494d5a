//! The single SNS topic from which a source accepts messages.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::SourceCredentials;
use crate::id::{OrgId, SourceId};
use crate::text::fingerprint;

/// The first topic whose subscription was requested with the source's secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedTopic {
    /// The organisation.
    pub org: OrgId,
    /// The source.
    pub source: SourceId,
    /// The topic.
    pub topic: String,
    /// The secret of that request; the topic is not valid for another secret.
    pub secret: String,
    /// When the subscription was requested.
    pub at: Timestamp,
}

impl PinnedTopic {
    /// Pins a topic for a source.
    pub fn new(door: &SourceCredentials, topic: String, at: Timestamp) -> Self {
        Self { org: door.org, source: door.id, topic, secret: which(&door.secret), at }
    }

    /// Whether and how the pinned topic is still valid.
    ///
    /// A secret that was rotated may be known to others, which may be why it was rotated. While it is valid beside the
    /// new one, only its own topic is accepted.
    pub fn held(&self, door: &SourceCredentials, now: Timestamp) -> Option<TopicPin> {
        let previous = door.previous.as_ref().filter(|previous| previous.holds(now));
        if self.source != door.id {
            None
        } else if self.secret == which(&door.secret) {
            Some(TopicPin::Firmly)
        } else if previous.is_some_and(|previous| self.secret == which(&previous.secret)) {
            Some(TopicPin::UntilReplaced)
        } else {
            None
        }
    }
}

/// How a pinned topic is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicPin {
    /// It was requested with the current secret.
    Firmly,
    /// It was requested with the previous secret: a request with the new secret replaces it.
    UntilReplaced,
}

/// Identifies a secret by its sealed form: a secret that is sealed again counts as another one.
fn which(sealed: &str) -> String {
    fingerprint(sealed.as_bytes(), 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{PreviousSecret, SourceKind};

    #[test]
    fn topic_is_forgotten_with_the_secret_that_it_asked_with() {
        let at = Timestamp::UNIX_EPOCH;
        let door = |secret: &str, id: u128| SourceCredentials {
            org: OrgId::new(at, 1),
            id: SourceId::new(at, id),
            name: String::new(),
            previous: None,
            kind: SourceKind("cloudwatch".to_owned()),
            secret: secret.to_owned(),
            open: true,
            draft: false,
        };
        let pinned = PinnedTopic::new(&door("sealed", 2), "arn:aws:sns:eu-west-1:1:x".to_owned(), at);

        assert_eq!(pinned.held(&door("sealed", 2), at), Some(TopicPin::Firmly));
        assert_eq!(pinned.held(&door("sealed anew", 2), at), None);
        assert_eq!(pinned.held(&door("sealed", 3), at), None);
        let mut rotated = door("sealed anew", 2);
        let until = Timestamp::from_second(60).unwrap();
        rotated.previous = Some(PreviousSecret { secret: "sealed".to_owned(), key: None, until });
        assert_eq!(pinned.held(&rotated, at), Some(TopicPin::UntilReplaced));
        assert_eq!(pinned.held(&rotated, until), None);
    }
}
