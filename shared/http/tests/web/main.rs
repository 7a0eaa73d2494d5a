//! The pages for people, over the embedded database.

#![expect(clippy::unwrap_used, reason = "what prepares a test may fail it")]

mod acknowledge;
#[cfg(test)]
mod audit;
mod dashboard;
mod oidc;
#[cfg(test)]
mod session;
mod support;
mod weather;
