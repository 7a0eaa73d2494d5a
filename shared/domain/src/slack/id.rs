//! Slack's ids: capital letters and digits only, so that other text is not taken for an id.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The error for an invalid Slack id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a Slack id: a Slack id has capital letters and digits")]
pub struct BadSlackId;

/// The longest id.
const MOST: usize = 32;

macro_rules! slack_ids {
    ($($(#[$doc:meta])* $name:ident [$($first:literal)|+],)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The id as Slack writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = BadSlackId;

            fn from_str(text: &str) -> Result<Self, BadSlackId> {
                let known = matches!(text.as_bytes().first(), $(Some($first))|+);
                let plain = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
                if known && plain && (2..=MOST).contains(&text.len()) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(BadSlackId)
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

slack_ids! {
    /// A workspace.
    TeamId [b'T'],
    /// A channel: public, private, or direct messages.
    ChannelId [b'C' | b'G' | b'D'],
    /// A Slack user.
    SlackUserId [b'U' | b'W'],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_text_and_from_each_other() {
        assert_eq!("U2CERLKJA".parse::<SlackUserId>().unwrap().as_str(), "U2CERLKJA");
        assert_eq!("G8PSS9T3V".parse::<ChannelId>().unwrap().to_string(), "G8PSS9T3V");
        let long = "T".repeat(33);
        for bad in ["", "T", "t123", "U123", "T12#3", "T 12", "LOOKUP#T1", long.as_str()] {
            assert_eq!(bad.parse::<TeamId>(), Err(BadSlackId), "{bad}");
        }
        assert!(serde_json::from_str::<ChannelId>("\"<!channel>\"").is_err());
    }
}
