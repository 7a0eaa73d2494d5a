//! Escalations.

pub(crate) mod begin;
pub mod create;
pub mod open;
pub mod respond;
pub mod settle;
pub mod story;
pub mod tick;
