//! Incidents.

pub mod create;
pub mod edit;
pub mod story;
pub mod update;

mod change;
