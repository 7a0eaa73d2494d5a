//! The whole bundle in one process, with a set clock and seeded faults.

pub mod bundle;
pub mod faults;
pub mod inbox;
pub mod ledger;
pub mod master;
pub mod sender;
