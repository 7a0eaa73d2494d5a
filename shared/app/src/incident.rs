//! Incidents.

pub mod create;
pub mod edit;
pub mod pin;
pub mod seen;
pub mod timeline;
pub mod update;

mod change;
