//! Identities: who does something. Histories store their names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{ApiKeyId, UserId};

/// Who does something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// Firebell itself: a timer, a rule, an alert source.
    System(String),
    /// A program with an API key.
    ApiKey(ApiKeyId),
    /// A person, signed in or through a signed link.
    User(UserId),
}

impl Identity {
    /// Firebell itself, named by the part that acts.
    pub fn system(part: &str) -> Self {
        Self::System(part.to_owned())
    }

    /// The person, if it is one.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::User(user) => Some(*user),
            Self::System(_) | Self::ApiKey(_) => None,
        }
    }
}

/// The error for an invalid identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a valid identity")]
pub struct BadIdentity;

impl FromStr for Identity {
    type Err = BadIdentity;

    fn from_str(text: &str) -> Result<Self, BadIdentity> {
        match text.split_once(':') {
            Some(("system", part)) => Ok(Self::system(part)),
            Some(("api_key", id)) => id.parse().map(Self::ApiKey).map_err(|_| BadIdentity),
            Some(("user", id)) => id.parse().map(Self::User).map_err(|_| BadIdentity),
            Some(_) | None => Err(BadIdentity),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(part) => write!(f, "system:{part}"),
            Self::ApiKey(id) => write!(f, "api_key:{id}"),
            Self::User(id) => write!(f, "user:{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn identity_comes_back_from_its_text() {
        let at = Timestamp::UNIX_EPOCH;
        let all = [
            Identity::system("alert_source:01J"),
            Identity::ApiKey(ApiKeyId::new(at, 1)),
            Identity::User(UserId::new(at, 2)),
        ];

        for identity in all {
            assert_eq!(identity.to_string().parse(), Ok(identity));
        }
        for text in ["", "user", "user:x", "robot:1"] {
            assert_eq!(text.parse::<Identity>(), Err(BadIdentity), "{text}");
        }
    }
}
