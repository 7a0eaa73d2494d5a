//! Incidents.

pub mod create;
pub mod edit;
pub mod pin;
pub mod seen;
pub mod story;
pub mod update;

mod change;
