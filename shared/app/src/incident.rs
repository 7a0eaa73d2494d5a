//! Incidents.

pub mod create;
