//! Transitions: the only way to a new head.

use jiff::Timestamp;

use crate::{CommitError, Head, Illegal, State, TransitionStore};

/// Something whose state changes only through its machine.
pub trait Stateful: Sized + Clone {
    /// The machine's name in metrics, logs and history.
    const MACHINE: &'static str;
    /// Its states.
    type State: State;
    /// What it tells others, in the same write.
    type Event;
    /// What its history keeps of a step beyond the states; `()` if nothing.
    type Note: Clone + std::fmt::Debug + Send + Sync;

    /// The current head.
    fn head(&self) -> Head<Self::State>;

    /// Takes the head that a transition made; called by [`Transition`] alone.
    fn set_head(&mut self, head: Head<Self::State>);

    /// Begins the life of something in an initial state.
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

    /// Goes along one edge.
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
    /// [`Illegal`] if the state is final: what is over is not amended.
    fn amend(&self, at: Timestamp) -> Result<Transition<Self>, Illegal<Self::State>> {
        let state = self.head().state();
        if state.is_final() {
            return Err(Illegal { machine: Self::MACHINE, from: Some(state), to: state });
        }
        Ok(self.step(state, at))
    }

    /// Makes the transition, its edge checked; an implementation detail of the two above.
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

/// One step of a machine, decided but not yet stored.
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

/// What a store needs to write of a transition.
#[derive(Debug, Clone)]
pub struct Parts<M: Stateful> {
    /// What it was; none at its creation.
    pub before: Option<M>,
    /// What it becomes.
    pub after: M,
    /// When it was decided.
    pub at: Timestamp,
    /// Who caused it.
    pub by: String,
    /// Why, for people.
    pub why: String,
    /// What the history keeps of it beyond the states.
    pub note: Option<M::Note>,
    /// What others must hear, in the same write.
    pub events: Vec<M::Event>,
}

impl<M: Stateful> Transition<M> {
    /// Says who caused it and why; both are kept in the history.
    pub fn because(mut self, by: impl Into<String>, why: impl Into<String>) -> Self {
        self.by = by.into();
        self.why = why.into();
        self
    }

    /// Keeps a note with its row of history.
    pub fn noting(mut self, note: M::Note) -> Self {
        self.note = Some(note);
        self
    }

    /// Changes fields together with the state; the head stays what the machine made it.
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

    /// The thing as it will be.
    pub const fn after(&self) -> &M {
        &self.after
    }

    /// What the history keeps of it beyond the states.
    pub const fn note(&self) -> Option<&M::Note> {
        self.note.as_ref()
    }

    /// The state it comes from; none at its creation.
    pub fn from(&self) -> Option<M::State> {
        self.before.as_ref().map(|before| before.head().state())
    }

    /// The state it goes to.
    pub fn to(&self) -> M::State {
        self.after.head().state()
    }

    /// When it was decided.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Takes it apart, for a store.
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
