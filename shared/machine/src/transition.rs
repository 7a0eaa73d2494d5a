//! Transitions: the only way to a new head.

use jiff::Timestamp;

use crate::{CommitError, Head, Illegal, State, TransitionStore};

/// An object whose state changes only through its machine.
pub trait Stateful: Sized + Clone {
    /// The machine's name in metrics, logs and history.
    const MACHINE: &'static str;
    /// Its states.
    type State: State;
    /// The events that are written with a transition.
    type Event;
    /// What its history stores of a transition in addition to the states; `()` if nothing.
    type Note: Clone + std::fmt::Debug + Send + Sync;

    /// The current head.
    fn head(&self) -> Head<Self::State>;

    /// Sets the head that a transition made; only [`Transition`] calls it.
    fn set_head(&mut self, head: Head<Self::State>);

    /// Creates an object in an initial state.
    ///
    /// # Errors
    /// [`Illegal`] if nothing may be born in `state`.
    fn born(mut self, state: Self::State, at: Timestamp) -> Result<Transition<Self>, Illegal<Self::State>> {
        if !Self::State::INITIAL.contains(&state) {
            return Err(Illegal { machine: Self::MACHINE, from: None, to: state });
        }
        self.set_head(Head::first(state));
        Ok(Transition {
            before: None,
            after: self,
            at,
            by: String::new(),
            why: String::new(),
            note: None,
            events: Vec::new(),
        })
    }

    /// Moves along an edge to another state.
    ///
    /// # Errors
    /// [`Illegal`] if there is no such edge.
    fn transition_to(
        &self,
        to: Self::State,
        at: Timestamp,
    ) -> Result<Transition<Self>, Illegal<Self::State>> {
        let from = self.head().state();
        if !from.allows(to) {
            return Err(Illegal { machine: Self::MACHINE, from: Some(from), to });
        }
        Ok(self.step(to, at))
    }

    /// Changes fields within a state: a new version with its own history row, but no edge.
    ///
    /// # Errors
    /// [`Illegal`] if the state is final: an object in a final state is not changed.
    fn amend(&self, at: Timestamp) -> Result<Transition<Self>, Illegal<Self::State>> {
        let state = self.head().state();
        if state.is_final() {
            return Err(Illegal { machine: Self::MACHINE, from: Some(state), to: state });
        }
        Ok(self.step(state, at))
    }

    /// Makes a transition whose edge was checked; used by the methods above.
    #[doc(hidden)]
    fn step(&self, to: Self::State, at: Timestamp) -> Transition<Self> {
        let mut after = self.clone();
        after.set_head(self.head().next(to));
        Transition {
            before: Some(self.clone()),
            after,
            at,
            by: String::new(),
            why: String::new(),
            note: None,
            events: Vec::new(),
        }
    }
}

/// A transition that was decided but is not stored yet.
#[must_use = "a transition changes nothing until a store executes it"]
#[derive(Debug, Clone)]
pub struct Transition<M: Stateful> {
    before: Option<M>,
    after: M,
    at: Timestamp,
    by: String,
    why: String,
    note: Option<M::Note>,
    events: Vec<M::Event>,
}

/// The parts of a transition that a store writes.
#[derive(Debug, Clone)]
pub struct Parts<M: Stateful> {
    /// The object before; `None` at its creation.
    pub before: Option<M>,
    /// The object after.
    pub after: M,
    /// When it was decided.
    pub at: Timestamp,
    /// Who caused it.
    pub by: String,
    /// Why, for people.
    pub why: String,
    /// The note in the history.
    pub note: Option<M::Note>,
    /// The events that are written with it.
    pub events: Vec<M::Event>,
}

impl<M: Stateful> Transition<M> {
    /// Sets who caused it and why; the history stores both.
    pub fn because(mut self, by: impl Into<String>, why: impl Into<String>) -> Self {
        self.by = by.into();
        self.why = why.into();
        self
    }

    /// Sets the note of its history row.
    pub fn noting(mut self, note: M::Note) -> Self {
        self.note = Some(note);
        self
    }

    /// Changes fields together with the state; the head stays as the machine made it.
    pub fn with(mut self, change: impl FnOnce(&mut M)) -> Self {
        let head = self.after.head();
        change(&mut self.after);
        self.after.set_head(head);
        self
    }

    /// Adds an event to the same write.
    pub fn on_transition(mut self, event: impl FnOnce(&Self) -> M::Event) -> Self {
        let event = event(&self);
        self.events.push(event);
        self
    }

    /// The object after the transition.
    pub const fn after(&self) -> &M {
        &self.after
    }

    /// The note in the history.
    pub const fn note(&self) -> Option<&M::Note> {
        self.note.as_ref()
    }

    /// The previous state; `None` at its creation.
    pub fn from(&self) -> Option<M::State> {
        self.before.as_ref().map(|before| before.head().state())
    }

    /// The new state.
    pub fn to(&self) -> M::State {
        self.after.head().state()
    }

    /// When it was decided.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Returns its parts, for a store.
    pub fn into_parts(self) -> Parts<M> {
        let Self { before, after, at, by, why, note, events } = self;
        Parts { before, after, at, by, why, note, events }
    }

    /// Stores this one transition; several that belong together go through the store's commit.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] if another writer was faster, [`CommitError::Store`] if the store failed.
    pub async fn execute(self, store: &impl TransitionStore<M>) -> Result<Head<M::State>, CommitError> {
        store.execute(self).await
    }
}
