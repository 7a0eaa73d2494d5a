//! Organisations.

pub mod create;
