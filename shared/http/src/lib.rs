//! Requests: extract, app verb, present.

pub mod alert_sources;
pub mod alerts;
mod api;
mod auth;
mod binding;
mod door;
mod error;
mod page;
mod query;
mod rate;
pub mod settings;
pub mod source;
pub mod users;

pub use auth::Caller;
pub use error::ApiError;
