//! The identity of an API key, and the router of settings.

use std::sync::Arc;

use app::Context;
use axum::Json;
use axum::extract::State;
use axum::routing::get;
use domain::access::KeyRole;
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::{ApiState, SharedState, guarded, unknown_path};
use crate::auth::Caller;
use crate::operation::{Operation, Resource};
use crate::schema::EmptyList;
use crate::{
    alert_attributes, api_keys, audit_logs, incident_roles, incident_statuses, incident_timestamps,
    incident_types, openapi, severities,
};

/// The operation that shows the identity of an API key.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Identity",
    operations: &[Operation::get("/v1/identity", "Shows the name and the roles of the API key", || {
        get(identity)
    })
    .needs_a_key()
    .reply::<IdentityReply>(200)],
};

/// A reply with the identity of the API key.
#[derive(Serialize, JsonSchema)]
struct IdentityReply {
    identity: ApiKeyIdentityView,
}

/// The identity of an API key.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct ApiKeyIdentityView {
    /// The name of the API key.
    name: String,
    /// The names of its roles.
    #[schemars(with = "Vec<String>")]
    roles: Vec<KeyRole>,
    /// The teams of the API key. Firebell has no teams yet.
    teams: EmptyList,
    /// The roles of the API key in teams. Firebell has no teams yet.
    team_roles: EmptyList,
    /// The address of the web pages.
    dashboard_url: String,
}

/// The resources that one function serves together.
pub(crate) const RESOURCES: &[&Resource] = &[
    &alert_attributes::RESOURCE,
    &severities::RESOURCE,
    &incident_statuses::RESOURCE,
    &incident_types::RESOURCE,
    &incident_roles::RESOURCE,
    &incident_timestamps::RESOURCE,
    &api_keys::RESOURCE,
    &audit_logs::RESOURCE,
    &RESOURCE,
    &openapi::RESOURCE,
];

/// The router of settings. It also returns the error of paths that do not exist; in a process with several routers only
/// one does.
pub fn router(ctx: Context) -> axum::Router {
    let routes = RESOURCES
        .iter()
        .fold(axum::Router::<Arc<ApiState>>::new(), |all, resource| all.merge(resource.routes()));
    let unknown = axum::handler::Handler::with_state(unknown_path, ctx.clone());
    guarded(routes, ctx).fallback_service(unknown)
}

async fn identity(State(api): SharedState, caller: Caller) -> Json<IdentityReply> {
    Json(IdentityReply {
        identity: ApiKeyIdentityView {
            name: caller.key.name,
            roles: caller.key.roles,
            teams: EmptyList,
            team_roles: EmptyList,
            dashboard_url: api.ctx.public_url.clone(),
        },
    })
}
