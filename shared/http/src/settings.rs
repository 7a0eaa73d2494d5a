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
    alert_attributes, incident_roles, incident_statuses, incident_timestamps, incident_types, openapi,
    severities,
};

/// What a key may do: a key has every role.
const ROLES: &[&str] = &[
    "viewer",
    "incident_creator",
    "incident_editor",
    "manage_settings",
    "glossary_entries_manage",
    "global_access",
    "catalog_viewer",
    "catalog_editor",
    "incident_memberships_editor",
    "schedules_editor",
    "schedules_reader",
    "schedule_overrides_editor",
    "workflows_editor",
    "workflows_viewer",
    "private_workflows_editor",
    "private_escalation_workflows_editor",
    "on_call_editor",
    "on_call_viewer",
    "escalation_creator",
    "post_incident_flow_opt_out",
    "security_settings_editor",
    "investigation_download",
    "team_memberships_manage",
    "status_page_publisher",
    "status_page_viewer",
    "postmortems_manage",
    "api_keys_manage",
    "notification_methods_manage",
    "notification_methods_unredacted_viewer",
    "incident_workload_viewer",
    "incident_workload_private_viewer",
    "act_on_behalf_of_users",
    "secrets_manage",
    "secrets_use",
    "call_transcripts_viewer",
    "heartbeats_ping",
    "telemetry_query_restricted",
    "telemetry_data_source_update",
    "policies_viewer",
    "policy_findings_manage",
    "pay_reports_viewer",
    "pay_reports_editor",
    "pay_configs_viewer",
    "pay_configs_editor",
    "investigations_editor",
    "telemetry_viewer",
    "documents_viewer",
];

/// What can be done with the key itself.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Identity",
    operations: &[Operation::get("/v1/identity", "Shows who the key is", || get(identity)).answers(
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
            "roles": ROLES,
            "teams": [],
            "team_roles": [],
            "dashboard_url": desk.ctx.public_url,
        }
    }))
}
