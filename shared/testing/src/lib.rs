//! The whole bundle in one process, with a set clock and seeded faults.

pub mod bundle;
pub mod cost;
pub mod fake_slack;
pub mod faults;
pub mod fixture;
pub mod generate;
pub mod heartbeats;
pub mod inbox;
pub mod invoke;
pub mod ledger;
pub mod mails;
pub mod master;
pub mod old_data;
pub mod readme;
pub mod rights;
pub mod sender;
pub mod template;
