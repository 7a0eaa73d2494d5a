//! Incident timestamps: the milestones of an incident.

use app::AppError;
use axum::Json;
use axum::routing::get;
use domain::access::Permission;
use domain::id::{MilestoneId, OrgId};
use domain::incident::Milestone;
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::ApiResult;
use crate::auth::Caller;
use crate::operation::{Operation, Resource};
use crate::schema::Id;

/// The operations on incident timestamps.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Incident timestamps",
    operations: &[
        Operation::get("/v2/incident_timestamps", "Lists the timestamps that an incident has", || get(list))
            .needs(Permission::See)
            .reply::<IncidentTimestampListReply>(200),
        Operation::get("/v2/incident_timestamps/{id}", "Shows an incident timestamp", || get(show))
            .needs(Permission::See)
            .reply::<IncidentTimestampReply>(200),
    ],
};

/// A timestamp that an incident has.
#[derive(Serialize, JsonSchema)]
pub(crate) struct IncidentTimestampView {
    /// The id.
    id: Id<MilestoneId>,
    /// The name.
    name: &'static str,
    /// The position among the timestamps.
    #[schemars(with = "i64")]
    rank: usize,
}

impl IncidentTimestampView {
    /// The view of a milestone in an organisation.
    pub(crate) fn new(org: OrgId, milestone: Milestone) -> Self {
        let rank = Milestone::ALL.iter().position(|one| *one == milestone).unwrap_or(0);
        Self { id: Id(milestone.id(org)), name: milestone.name(), rank }
    }
}

/// A reply with an incident timestamp.
#[derive(Serialize, JsonSchema)]
struct IncidentTimestampReply {
    incident_timestamp: IncidentTimestampView,
}

/// A reply with all incident timestamps.
#[derive(Serialize, JsonSchema)]
struct IncidentTimestampListReply {
    incident_timestamps: Vec<IncidentTimestampView>,
}

async fn list(caller: Caller) -> Json<IncidentTimestampListReply> {
    let all = Milestone::ALL.iter().map(|milestone| IncidentTimestampView::new(caller.org, *milestone));
    Json(IncidentTimestampListReply { incident_timestamps: all.collect() })
}

async fn show(caller: Caller, Id(id): Id<MilestoneId>) -> ApiResult<Json<IncidentTimestampReply>> {
    let milestone = Milestone::of(caller.org, id);
    let milestone = milestone.ok_or_else(|| AppError::not_found("incident timestamp", id))?;
    Ok(Json(IncidentTimestampReply { incident_timestamp: IncidentTimestampView::new(caller.org, milestone) }))
}
