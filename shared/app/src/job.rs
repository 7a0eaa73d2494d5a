//! Durable work: how a worker does a job.

pub(crate) mod attempt;
