//! The one topic that a source behind SNS takes anything from.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::SourceCredentials;
use crate::id::{OrgId, SourceId};
use crate::text::fingerprint;

/// A topic that asked to be confirmed, with the source's secret, before any other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedTopic {
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

impl PinnedTopic {
    /// A topic for the source behind this door.
    pub fn new(door: &SourceCredentials, topic: String, at: Timestamp) -> Self {
        Self { org: door.org, source: door.id, topic, secret: which(&door.secret), at }
    }

    /// How it still holds, if it does.
    ///
    /// A secret that was replaced may be known to others, which is why it was replaced: while it holds beside the new
    /// one, it is worth no more than before, and its topic alone is taken from.
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

/// How a topic holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicPin {
    /// It asked with the secret that there is.
    Firmly,
    /// It asked with the secret before: whoever names the new one may replace it.
    UntilReplaced,
}

/// Which secret it is, told by the way it is sealed: sealed anew it is another one.
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
