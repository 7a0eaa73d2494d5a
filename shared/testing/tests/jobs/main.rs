//! The laws of durable work: each law holds for every kind of job, whatever happens to its messages and workers.
//!
//! A kind of job has one case in `cases.rs`: how a job of it comes to be due, and how its effect is counted. An effect
//! is what a person or another system sees. To add a kind, add its case; the laws in `laws.rs` loop over all kinds.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod laws;
