//! The sweep: finds the jobs whose message was lost.

pub mod run;
