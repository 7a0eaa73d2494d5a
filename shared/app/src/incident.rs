//! Incidents.

pub mod create;
pub mod edit;
pub mod pin;
pub mod update;

mod change;
