//! Incidents.

pub mod create;
pub mod edit;
pub mod update;

mod change;
