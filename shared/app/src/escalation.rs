//! Escalations.

pub(crate) mod begin;
pub mod create;
pub mod history;
pub mod open;
pub mod respond;
pub mod settle;
pub mod tick;
