//! States and the edges between them.

use std::fmt::Debug;

/// One state of a machine; the exhaustive match in `successors` is the whole table.
pub trait State: Copy + Eq + Debug + Send + Sync + 'static {
    /// Every state there is.
    const ALL: &'static [Self];

    /// The states that something may be born in.
    const INITIAL: &'static [Self];

    /// The name that is stored, logged and shown.
    fn name(self) -> &'static str;

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

/// There is no such edge: what was asked is already over, or never made sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {machine} cannot change from `{}` to `{}`", from.map_or("nothing", State::name), to.name())]
pub struct Illegal<S: State> {
    /// The machine that refused.
    pub machine: &'static str,
    /// Where it was; none if it was to be born in `to`.
    pub from: Option<S>,
    /// Where it was to go.
    pub to: S,
}
