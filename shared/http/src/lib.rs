//! Requests: extract, app verb, present.

pub mod alert_routes;
pub mod alert_sources;
pub mod alerts;
mod api;
mod auth;
mod binding;
mod door;
mod error;
mod escalation_paths;
pub mod escalations;
pub mod incidents;
mod page;
mod query;
mod rate;
pub mod settings;
pub mod source;
pub mod users;
pub mod web;

pub use auth::Caller;
pub use error::ApiError;
