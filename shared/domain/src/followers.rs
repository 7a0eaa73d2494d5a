//! Who follows an incident or an escalation: the components that react to its changes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The follower that older versions know. They store that it follows as `followed`.
const OLDEST: &str = "slack";

/// The names of the subscribers that follow an incident or an escalation; they are set when it begins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Followers(BTreeSet<String>);

impl Followers {
    /// These subscribers.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(str::to_owned).collect())
    }

    /// Says whether a subscriber is one of them.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

/// The followers, as they are stored.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    /// Whether the follower follows that older versions know.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    followed: bool,
    /// The names of the others.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    followers: BTreeSet<String>,
}

impl From<Stored> for Followers {
    fn from(stored: Stored) -> Self {
        let oldest = stored.followed.then(|| OLDEST.to_owned());
        Self(stored.followers.into_iter().chain(oldest).collect())
    }
}

impl From<Followers> for Stored {
    fn from(Followers(mut followers): Followers) -> Self {
        Self { followed: followers.remove(OLDEST), followers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn followers_are_stored_as_older_versions_read_them() {
        let stored = |followers: &Followers| serde_json::to_string(followers).unwrap();
        let (none, slack) = (Followers::default(), Followers::of(["slack"]));
        let more = Followers::of(["slack", "webhook"]);

        assert_eq!(stored(&none), "{}");
        assert_eq!(stored(&slack), r#"{"followed":true}"#);
        assert_eq!(stored(&more), r#"{"followed":true,"followers":["webhook"]}"#);
        for followers in [none, slack, more] {
            assert_eq!(serde_json::from_str::<Followers>(&stored(&followers)).unwrap(), followers);
        }
    }
}
