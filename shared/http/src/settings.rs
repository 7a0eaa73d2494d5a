//! The key itself, and whatever no other function answers.

use std::sync::Arc;

use app::Context;
use axum::Json;
use axum::extract::State;
use axum::routing::get;
use serde_json::{Value, json};

use crate::api::{Desk, Shared, guarded, unknown_path};
use crate::auth::Caller;
use crate::operation::{Operation, Resource};
use crate::{
    alert_attributes, api_keys, audit_logs, incident_roles, incident_statuses, incident_timestamps,
    incident_types, openapi, severities,
};

/// What can be done with the key itself.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Identity",
    operations: &[Operation::get("/v1/identity", "Shows who the key is", || get(identity)).needs_a_key().answers(
        200,
        "{identity*: {name*: string, roles*: [string], teams*: [any], team_roles*: [any], dashboard_url*: string}}",
    )],
    shapes: &[],
};

/// The router of settings. It also answers the paths that nothing else answers: one router of a bundle does.
pub fn router(ctx: Context) -> axum::Router {
    let routes = [
        RESOURCE,
        openapi::RESOURCE,
        api_keys::RESOURCE,
        audit_logs::RESOURCE,
        alert_attributes::RESOURCE,
        severities::RESOURCE,
        incident_statuses::RESOURCE,
        incident_roles::RESOURCE,
        incident_types::RESOURCE,
        incident_timestamps::RESOURCE,
    ];
    let routes =
        routes.iter().fold(axum::Router::<Arc<Desk>>::new(), |all, resource| all.merge(resource.routes()));
    let unknown = axum::handler::Handler::with_state(unknown_path, ctx.clone());
    guarded(routes, ctx).fallback_service(unknown)
}

async fn identity(State(desk): Shared, caller: Caller) -> Json<Value> {
    Json(json!({
        "identity": {
            "name": caller.key.name,
            "roles": caller.key.roles,
            "teams": [],
            "team_roles": [],
            "dashboard_url": desk.ctx.public_url,
        }
    }))
}
