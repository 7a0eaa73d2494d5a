//! Escalations.

pub mod respond;
pub mod settle;
pub mod tick;
