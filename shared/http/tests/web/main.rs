//! The pages for people, over the embedded database.

#![expect(clippy::unwrap_used, reason = "what prepares a test may fail it")]

mod acknowledge;
mod alert_sources;
mod alerts;
#[cfg(test)]
mod audit;
mod dashboard;
mod declare;
mod escalations;
mod faults;
mod incidents;
mod live;
mod oidc;
mod owed;
mod people;
mod private;
mod session;
mod strangers;
mod support;
