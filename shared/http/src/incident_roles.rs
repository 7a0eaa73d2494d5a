//! Incident roles: who does what in incidents. Versions 1 and 2 of the API differ only in the path.

use axum::Json;
use axum::extract::State;
use axum::routing::{delete, get, post, put};
use domain::access::Permission;
use domain::choice::Configured;
use domain::id::RoleId;
use domain::incident::{IncidentRole, RoleKind};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{ApiResult, JsonBody, SharedState};
use crate::auth::Caller;
use crate::choices::{self, ChoiceResource};
use crate::operation::{Operation, Resource};
use crate::schema::{Id, Time};

/// The operations on incident roles.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Incident roles",
    operations: &[
        lists("/v2/incident_roles"),
        creates("/v2/incident_roles"),
        shows("/v2/incident_roles/{id}"),
        updates("/v2/incident_roles/{id}"),
        deletes("/v2/incident_roles/{id}"),
        lists("/v1/incident_roles"),
        creates("/v1/incident_roles"),
        shows("/v1/incident_roles/{id}"),
        updates("/v1/incident_roles/{id}"),
        deletes("/v1/incident_roles/{id}"),
    ],
};

const fn lists(path: &'static str) -> Operation {
    Operation::get(path, "Lists incident roles", || get(choices::list::<IncidentRole>))
        .needs(Permission::See)
        .reply::<IncidentRoleListReply>(200)
}

const fn creates(path: &'static str) -> Operation {
    Operation::post(path, "Creates an incident role", || post(create))
        .needs(Permission::ManageSettings)
        .body::<IncidentRolePayload>()
        .reply::<IncidentRoleReply>(201)
}

const fn shows(path: &'static str) -> Operation {
    Operation::get(path, "Shows an incident role", || get(choices::show::<IncidentRole>))
        .needs(Permission::See)
        .reply::<IncidentRoleReply>(200)
}

const fn updates(path: &'static str) -> Operation {
    Operation::put(path, "Updates an incident role", || put(update))
        .needs(Permission::ManageSettings)
        .body::<IncidentRolePayload>()
        .reply::<IncidentRoleReply>(200)
}

const fn deletes(path: &'static str) -> Operation {
    Operation::delete(path, "Deletes an incident role that nobody has ever had", || delete(remove))
        .needs(Permission::ManageSettings)
}

/// An incident role.
#[derive(Serialize, JsonSchema)]
pub(crate) struct IncidentRoleView {
    /// The id.
    id: Id<RoleId>,
    /// The name.
    name: String,
    /// What the role is for.
    description: String,
    /// The instructions for the person in the role.
    instructions: String,
    /// A short name.
    shortform: String,
    /// The kind of role.
    #[schemars(extend("enum" = ["lead", "reporter", "custom"]))]
    role_type: &'static str,
    /// Whether each incident needs a person in the role.
    required: bool,
    /// When the role was created.
    created_at: Time,
    /// When the role was last updated.
    updated_at: Time,
}

impl From<&Configured<IncidentRole>> for IncidentRoleView {
    fn from(choice: &Configured<IncidentRole>) -> Self {
        let IncidentRole { name, description, instructions, shortform, kind, required } = choice.what.clone();
        Self {
            id: Id(choice.id),
            name,
            description,
            instructions,
            shortform,
            role_type: kind.name(),
            required,
            created_at: Time(choice.created_at),
            updated_at: Time(choice.updated_at),
        }
    }
}

/// A reply with an incident role.
#[derive(Serialize, JsonSchema)]
pub(crate) struct IncidentRoleReply {
    incident_role: IncidentRoleView,
}

impl From<IncidentRoleView> for IncidentRoleReply {
    fn from(incident_role: IncidentRoleView) -> Self {
        Self { incident_role }
    }
}

/// A reply with all incident roles.
#[derive(Serialize, JsonSchema)]
pub(crate) struct IncidentRoleListReply {
    incident_roles: Vec<IncidentRoleView>,
}

impl From<Vec<IncidentRoleView>> for IncidentRoleListReply {
    fn from(incident_roles: Vec<IncidentRoleView>) -> Self {
        Self { incident_roles }
    }
}

impl ChoiceResource for IncidentRole {
    type View = IncidentRoleView;
    type Reply = IncidentRoleReply;
    type ListReply = IncidentRoleListReply;
}

/// An incident role to create or update.
#[derive(Deserialize, JsonSchema)]
struct IncidentRolePayload {
    /// The name.
    name: String,
    /// What the role is for.
    description: String,
    /// The instructions for the person in the role.
    instructions: String,
    /// A short name.
    shortform: String,
    /// Whether each incident needs a person in the role.
    required: Option<bool>,
}

impl IncidentRolePayload {
    /// The role. `kind`, and `required` where the body does not say, come from the role before.
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
    State(api): SharedState,
    caller: Caller,
    JsonBody { body, .. }: JsonBody<IncidentRolePayload>,
) -> ApiResult<(StatusCode, Json<IncidentRoleReply>)> {
    let (ctx, now) = (&api.ctx, api.ctx.now());
    let (id, role) = (RoleId::new(now, ctx.random()), body.role(RoleKind::Custom, false));
    let created = app::choice::save::create(&ctx.store, &caller.actor, id, role, &ctx.random, now).await?;
    Ok((StatusCode::CREATED, choices::reply(&created)))
}

async fn update(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<RoleId>,
    JsonBody { body, .. }: JsonBody<IncidentRolePayload>,
) -> ApiResult<Json<IncidentRoleReply>> {
    let (ctx, change) = (&api.ctx, |before: &IncidentRole| body.role(before.kind, before.required));
    let updated =
        app::choice::save::update(&ctx.store, &caller.actor, id, change, &ctx.random, ctx.now()).await?;
    Ok(choices::reply(&updated))
}

async fn remove(state: SharedState, caller: Caller, id: Id<RoleId>) -> ApiResult<StatusCode> {
    choices::delete::<IncidentRole>(state, caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
