//! The sweep: whatever is due and was not heard of.

pub mod run;
