//! The API from the outside, in process: every resource, its bad input, and two organisations that must not meet.

mod alert_routes;
mod alert_sources;
mod alerts;
mod escalation_paths;
mod escalations;
mod incidents;
mod requests;
mod tenants;
mod users;
mod world;
