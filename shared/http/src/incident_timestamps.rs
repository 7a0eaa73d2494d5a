//! Timestamps: the moments of an incident's life.

use app::AppError;
use axum::Json;
use axum::routing::get;
use domain::access::Permission;
use domain::id::{MilestoneId, OrgId};
use domain::incident::Milestone;
use serde_json::{Value, json};

use crate::api::{Answer, Id};
use crate::auth::Caller;
use crate::operation::{Operation, Resource};

/// What can be done with timestamps.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Incident timestamps",
    operations: &[
        Operation::get("/v2/incident_timestamps", "Lists the moments of an incident's life", || get(list))
            .needs(Permission::See)
            .answers(200, "{incident_timestamps*: [IncidentTimestamp]}"),
        Operation::get("/v2/incident_timestamps/{id}", "Shows a moment of an incident's life", || get(show))
            .needs(Permission::See)
            .answers(200, "{incident_timestamp*: IncidentTimestamp}"),
    ],
    shapes: &[("IncidentTimestamp", "{id*: id, name*: string, rank*: integer}")],
};

/// A timestamp, in full.
pub(crate) fn shown(org: OrgId, milestone: Milestone) -> Value {
    let rank = Milestone::ALL.iter().position(|one| *one == milestone).unwrap_or(0);
    json!({ "id": milestone.id(org), "name": milestone.name(), "rank": rank })
}

async fn list(caller: Caller) -> Json<Value> {
    let all = Milestone::ALL.iter().map(|milestone| shown(caller.org, *milestone));
    Json(json!({ "incident_timestamps": all.collect::<Vec<_>>() }))
}

async fn show(caller: Caller, Id(id): Id<MilestoneId>) -> Answer<Json<Value>> {
    let milestone = Milestone::of(caller.org, id);
    let milestone = milestone.ok_or_else(|| AppError::not_found("incident timestamp", id))?;
    Ok(Json(json!({ "incident_timestamp": shown(caller.org, milestone) })))
}
