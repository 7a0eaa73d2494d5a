//! The whole bundle in one process, with a set clock and seeded faults.

pub mod faults;
pub mod fixture;
pub mod invoke;
pub mod readme;
pub mod rights;
pub mod template;
