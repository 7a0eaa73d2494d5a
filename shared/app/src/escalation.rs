//! Escalations.

pub mod create;
pub mod respond;
pub mod settle;
pub mod tick;
