//! States and the edges between them.

use std::fmt::Debug;

use strum::VariantArray;

/// One state of a machine; the exhaustive match in `successors` is the whole table.
///
/// `strum` derives the list of states and their names from the enum.
pub trait State: Copy + Eq + Debug + Send + Sync + VariantArray + Into<&'static str> {
    /// Every state there is.
    const ALL: &'static [Self] = Self::VARIANTS;

    /// The states in which an object may be created.
    const INITIAL: &'static [Self];

    /// The name that is stored, logged and shown.
    fn name(self) -> &'static str {
        self.into()
    }

    /// The states that may follow this one.
    fn successors(self) -> &'static [Self];

    /// Says whether `to` may follow this state.
    fn allows(self, to: Self) -> bool {
        self.successors().contains(&to)
    }

    /// Says whether nothing may follow this state.
    fn is_final(self) -> bool {
        self.successors().is_empty()
    }

    /// Finds the state of this name.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.name() == name)
    }
}

/// The error for a missing edge: the change was already made, or was never possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {machine} cannot change from `{}` to `{}`", from.map_or("nothing", State::name), to.name())]
pub struct Illegal<S: State> {
    /// The machine that refused.
    pub machine: &'static str,
    /// The current state; `None` if the object was to be created in `to`.
    pub from: Option<S>,
    /// The requested state.
    pub to: S,
}
