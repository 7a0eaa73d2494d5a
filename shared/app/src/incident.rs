//! Incidents.

pub mod acknowledge;
pub mod close;
pub mod create;
pub mod edit;
pub mod pin;
pub mod seen;
pub mod timeline;
pub mod update;

mod change;
pub(crate) mod escalations;
