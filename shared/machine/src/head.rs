//! The head: the state and the version, which detects concurrent writers.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::State;

/// The state and version of an object; version 1 is its creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<S> {
    state: S,
    version: u64,
}

impl<S: State> Head<S> {
    /// Restores a head that a store has read. Nothing else may create one.
    pub const fn stored(state: S, version: u64) -> Self {
        Self { state, version }
    }

    pub(crate) const fn first(state: S) -> Self {
        Self { state, version: 1 }
    }

    pub(crate) const fn next(self, state: S) -> Self {
        Self { state, version: self.version + 1 }
    }

    /// The state.
    pub const fn state(&self) -> S {
        self.state
    }

    /// The version; each transition adds one.
    pub const fn version(&self) -> u64 {
        self.version
    }
}

/// The head in a stored item.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    #[serde(borrow)]
    state: Cow<'a, str>,
    version: u64,
}

impl<S: State> Serialize for Head<S> {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        Stored { state: Cow::Borrowed(self.state.name()), version: self.version }.serialize(serializer)
    }
}

impl<'de, S: State> Deserialize<'de> for Head<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Stored { state, version } = Stored::deserialize(deserializer)?;
        let state =
            S::named(&state).ok_or_else(|| D::Error::custom(format_args!("unknown state `{state}`")))?;
        Ok(Self { state, version })
    }
}
