//! Escalation paths.

pub mod save;
