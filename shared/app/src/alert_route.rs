//! Alert routes.

pub mod save;
