//! Types of incidents: there is one, and every incident is of it.

use app::AppError;
use axum::Json;
use axum::routing::get;
use domain::access::Permission;
use domain::id::{OrgId, TypeId};
use serde_json::{Value, json};

use crate::api::{Answer, Id};
use crate::auth::Caller;
use crate::operation::{Operation, Resource};

/// What can be done with types.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Incident types",
    operations: &[
        Operation::get("/v1/incident_types", "Lists the types of incidents", || get(list))
            .needs(Permission::See)
            .answers(200, "{incident_types*: [IncidentType]}"),
        Operation::get("/v1/incident_types/{id}", "Shows a type", || get(show))
            .needs(Permission::See)
            .answers(200, "{incident_type*: IncidentType}"),
    ],
    shapes: &[(
        "IncidentType",
        "{id*: id, name*: string, description*: string, is_default*: boolean, private_incidents_only*: boolean, \
         create_in_triage*: always|optional, created_at*: time, updated_at*: time}",
    )],
};

/// The id of the type that every incident has.
pub(crate) fn type_id(org: OrgId) -> TypeId {
    TypeId::derived(org.at(), org)
}

/// The type that every incident has.
pub(crate) fn shown(org: OrgId) -> Value {
    json!({
        "id": type_id(org),
        "name": "Incident",
        "description": "Every incident is of this type.",
        "is_default": true,
        "private_incidents_only": false,
        "create_in_triage": "optional",
        "created_at": org.at(),
        "updated_at": org.at(),
    })
}

async fn list(caller: Caller) -> Json<Value> {
    Json(json!({ "incident_types": [shown(caller.org)] }))
}

async fn show(caller: Caller, Id(id): Id<TypeId>) -> Answer<Json<Value>> {
    if id != type_id(caller.org) {
        return Err(AppError::not_found("incident type", id).into());
    }
    Ok(Json(json!({ "incident_type": shown(caller.org) })))
}
