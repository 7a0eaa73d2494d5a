//! The whole bundle in one process, with a set clock and seeded faults.

pub mod faults;
