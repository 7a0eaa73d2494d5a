//! The web pages, over the embedded database.

#![expect(clippy::unwrap_used, reason = "the setup of a test may fail it")]

mod access;
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
mod people;
mod private;
mod session;
mod slack_steps;
mod support;
