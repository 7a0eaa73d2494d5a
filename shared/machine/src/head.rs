//! The head: state and version, by which concurrent writers are told apart.

use crate::State;

/// State and version of something stateful; version 1 is its creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<S> {
    state: S,
    version: u64,
}

impl<S: State> Head<S> {
    /// Restores a head that a store has read; nothing else may make one up.
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
