//! The pages for people, over the embedded database.

#![expect(clippy::unwrap_used, reason = "what prepares a test may fail it")]

mod acknowledge;
mod alerts;
mod dashboard;
mod declare;
mod escalations;
mod incidents;
mod live;
mod session;
mod support;
mod weather;
