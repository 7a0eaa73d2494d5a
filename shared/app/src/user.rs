//! People.

pub mod create;
pub mod reach;
