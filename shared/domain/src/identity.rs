//! Who asks: every verb takes an identity, and the history keeps its name.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{ApiKeyId, UserId};

/// Who asks for something to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// Firebell itself: a timer, a rule, a delivered alert.
    System(String),
    /// A program with an API key.
    ApiKey(ApiKeyId),
    /// A person, signed in or through a signed link.
    User(UserId),
}

impl Identity {
    /// Firebell itself, in the role of `part`.
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

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(part) => write!(f, "system:{part}"),
            Self::ApiKey(id) => write!(f, "api_key:{id}"),
            Self::User(id) => write!(f, "user:{id}"),
        }
    }
}
