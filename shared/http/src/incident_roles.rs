//! Roles: who does what in incidents. Versions 1 and 2 differ in their address alone.

use axum::Json;
use axum::extract::State;
use axum::routing::{delete, get, post, put};
use domain::access::Permission;
use domain::choice::Configured;
use domain::id::RoleId;
use domain::incident::{IncidentRole, RoleKind};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{Answer, Id, Sent, Shared};
use crate::auth::Caller;
use crate::choices::{self, Offer, alone};
use crate::operation::{Operation, Resource};

/// What can be done with roles.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Incident roles",
    operations: &[
        Operation::get("/v2/incident_roles", "Lists the roles in incidents", || {
            get(choices::list::<IncidentRole>)
        })
        .needs(Permission::See)
        .answers(200, "{incident_roles*: [IncidentRole]}"),
        Operation::post("/v2/incident_roles", "Adds a role", || post(create))
            .needs(Permission::ManageSettings)
            .takes("IncidentRolePayload")
            .answers(201, "{incident_role*: Role}"),
        Operation::get("/v2/incident_roles/{id}", "Shows a role", || get(choices::show::<IncidentRole>))
            .needs(Permission::See)
            .answers(200, "{incident_role*: Role}"),
        Operation::put("/v2/incident_roles/{id}", "Changes a role", || put(update))
            .needs(Permission::ManageSettings)
            .takes("IncidentRolePayload")
            .answers(200, "{incident_role*: Role}"),
        Operation::delete("/v2/incident_roles/{id}", "Deletes a role that nobody ever had", || {
            delete(destroy)
        })
        .needs(Permission::ManageSettings),
        Operation::get("/v1/incident_roles", "Lists the roles in incidents", || {
            get(choices::list::<IncidentRole>)
        })
        .needs(Permission::See)
        .answers(200, "{incident_roles*: [IncidentRole]}"),
        Operation::post("/v1/incident_roles", "Adds a role", || post(create))
            .needs(Permission::ManageSettings)
            .takes("IncidentRolePayload")
            .answers(201, "{incident_role*: Role}"),
        Operation::get("/v1/incident_roles/{id}", "Shows a role", || get(choices::show::<IncidentRole>))
            .needs(Permission::See)
            .answers(200, "{incident_role*: Role}"),
        Operation::put("/v1/incident_roles/{id}", "Changes a role", || put(update))
            .needs(Permission::ManageSettings)
            .takes("IncidentRolePayload")
            .answers(200, "{incident_role*: Role}"),
        Operation::delete("/v1/incident_roles/{id}", "Deletes a role that nobody ever had", || {
            delete(destroy)
        })
        .needs(Permission::ManageSettings),
    ],
    shapes: &[
        (
            "Role",
            "{id*: id, name*: string, description*: string, instructions*: string, shortform*: string, \
             role_type*: lead|reporter|custom, required: boolean, created_at*: time, updated_at*: time}",
        ),
        (
            "IncidentRolePayload",
            "{name*: string, description*: string, instructions*: string, shortform*: string, required: boolean}",
        ),
    ],
};

impl Offer for IncidentRole {
    const ONE: &'static str = "incident_role";
    const MANY: &'static str = "incident_roles";

    fn shown(choice: &Configured<Self>) -> Value {
        json!({
            "id": choice.id,
            "name": choice.what.name,
            "description": choice.what.description,
            "instructions": choice.what.instructions,
            "shortform": choice.what.shortform,
            "role_type": choice.what.kind.name(),
            "required": choice.what.required,
            "created_at": choice.created_at,
            "updated_at": choice.updated_at,
        })
    }
}

/// A role as it is sent.
#[derive(Deserialize)]
struct RoleBody {
    name: String,
    description: String,
    instructions: String,
    shortform: String,
    required: Option<bool>,
}

impl RoleBody {
    /// The role, as far as it was sent.
    fn role(&self, kind: RoleKind, required: bool) -> IncidentRole {
        IncidentRole {
            name: self.name.clone(),
            description: self.description.clone(),
            instructions: self.instructions.clone(),
            shortform: self.shortform.clone(),
            kind,
            required: self.required.unwrap_or(required),
        }
    }
}

async fn create(
    State(desk): Shared,
    caller: Caller,
    Sent { body, .. }: Sent<RoleBody>,
) -> Answer<(StatusCode, Json<Value>)> {
    let (ctx, now) = (&desk.ctx, desk.ctx.now());
    let (id, what) = (RoleId::new(now, ctx.random()), body.role(RoleKind::Custom, false));
    let made = app::choice::save::create(&ctx.store, &caller.actor, id, what, &ctx.random, now).await?;
    Ok((StatusCode::CREATED, alone(&made)))
}

async fn update(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id<RoleId>,
    Sent { body, .. }: Sent<RoleBody>,
) -> Answer<Json<Value>> {
    let (ctx, change) = (&desk.ctx, |before: &IncidentRole| body.role(before.kind, before.required));
    Ok(alone(
        &app::choice::save::update(&ctx.store, &caller.actor, id, change, &ctx.random, ctx.now()).await?,
    ))
}

async fn destroy(state: Shared, caller: Caller, id: Id<RoleId>) -> Answer<StatusCode> {
    choices::destroy::<IncidentRole>(state, caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
