//! Requests: extract, app verb, present.

mod alert_attributes;
pub mod alert_routes;
mod alert_source_types;
pub mod alert_sources;
pub mod alerts;
mod api;
mod api_keys;
mod audit_logs;
mod auth;
mod binding;
mod choices;
mod door;
mod error;
mod escalation_paths;
pub mod escalations;
mod front;
mod incident_roles;
mod incident_statuses;
mod incident_timestamps;
mod incident_types;
mod incident_updates;
pub mod incidents;
pub mod openapi;
mod operation;
mod page;
mod query;
mod rate;
pub mod settings;
mod severities;
mod shape;
pub mod slack;
pub mod source;
pub mod users;
pub mod web;

pub use auth::Caller;
pub use error::ApiError;
