//! Escalations.

pub(crate) mod begin;
pub mod create;
pub mod history;
pub mod open;
pub mod reconcile;
pub mod respond;
pub mod tick;
