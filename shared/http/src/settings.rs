//! The key itself, and whatever no other function answers.

use std::sync::Arc;

use app::Context;
use axum::Json;
use axum::extract::State;
use axum::routing::get;
use serde_json::{Value, json};

use crate::api::{Desk, Shared, guarded, unknown_path};
use crate::auth::Caller;

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

/// The router of settings. It also answers the paths that nothing else answers: one router of a bundle does.
pub fn router(ctx: Context) -> axum::Router {
    let routes = axum::Router::<Arc<Desk>>::new().route("/v1/identity", get(identity));
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
