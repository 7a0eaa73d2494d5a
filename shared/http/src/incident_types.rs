//! Incident types: there is one, and every incident has it.

use app::AppError;
use axum::Json;
use axum::routing::get;
use domain::access::Permission;
use domain::id::{OrgId, TypeId};
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::ApiResult;
use crate::auth::Caller;
use crate::operation::{Operation, Resource};
use crate::schema::{Id, Time};

/// The operations on incident types.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Incident types",
    operations: &[
        Operation::get("/v1/incident_types", "Lists incident types", || get(list))
            .needs(Permission::See)
            .reply::<IncidentTypeListReply>(200),
        Operation::get("/v1/incident_types/{id}", "Shows an incident type", || get(show))
            .needs(Permission::See)
            .reply::<IncidentTypeReply>(200),
    ],
};

/// The id of the type that every incident has.
pub(crate) fn type_id(org: OrgId) -> TypeId {
    TypeId::derived(org.at(), org)
}

/// An incident type.
#[derive(Serialize, JsonSchema)]
pub(crate) struct IncidentTypeView {
    /// The id.
    id: Id<TypeId>,
    /// The name.
    name: &'static str,
    /// What the type means.
    description: &'static str,
    /// Whether an incident has this type if its creator does not choose one.
    is_default: bool,
    /// Whether incidents of this type are private.
    private_incidents_only: bool,
    /// Whether incidents of this type begin in triage.
    #[schemars(extend("enum" = ["always", "optional"]))]
    create_in_triage: &'static str,
    /// When the type was created.
    created_at: Time,
    /// When the type was last updated.
    updated_at: Time,
}

impl IncidentTypeView {
    /// The type that every incident of an organisation has.
    pub(crate) fn new(org: OrgId) -> Self {
        Self {
            id: Id(type_id(org)),
            name: "Incident",
            description: "Every incident is of this type.",
            is_default: true,
            private_incidents_only: false,
            create_in_triage: "optional",
            created_at: Time(org.at()),
            updated_at: Time(org.at()),
        }
    }
}

/// A reply with an incident type.
#[derive(Serialize, JsonSchema)]
struct IncidentTypeReply {
    incident_type: IncidentTypeView,
}

/// A reply with all incident types.
#[derive(Serialize, JsonSchema)]
struct IncidentTypeListReply {
    incident_types: Vec<IncidentTypeView>,
}

async fn list(caller: Caller) -> Json<IncidentTypeListReply> {
    Json(IncidentTypeListReply { incident_types: vec![IncidentTypeView::new(caller.org)] })
}

async fn show(caller: Caller, Id(id): Id<TypeId>) -> ApiResult<Json<IncidentTypeReply>> {
    if id != type_id(caller.org) {
        return Err(AppError::not_found("incident type", id).into());
    }
    Ok(Json(IncidentTypeReply { incident_type: IncidentTypeView::new(caller.org) }))
}
