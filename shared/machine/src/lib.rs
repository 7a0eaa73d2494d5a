//! States, edges, transitions and conflicts: generic, without any concept of the product.
//!
//! The machine never stores; a store does, through [`TransitionStore`].

mod commit;
mod head;
mod observe;
mod retry;
mod state;
mod transition;

pub mod check;

pub use commit::{BoxError, CommitError, TransitionStore};
pub use head::Head;
pub use observe::{Observe, Outcome, Silent};
pub use retry::{IsConflict, retry_conflicts};
pub use state::{Illegal, State};
pub use transition::{Parts, Stateful, Transition};
