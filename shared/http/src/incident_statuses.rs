//! Incident statuses: how far incidents are, in an organisation's own words.

use axum::Json;
use axum::extract::State;
use axum::routing::{delete, get, post, put};
use domain::access::Permission;
use domain::choice::Configured;
use domain::id::StatusId;
use domain::incident::{IncidentState, Status};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{ApiResult, JsonBody, SharedState};
use crate::auth::Caller;
use crate::choices::{self, ChoiceResource};
use crate::operation::{Operation, Resource};
use crate::schema::{Id, Time};

/// The operations on incident statuses.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Incident statuses",
    operations: &[
        Operation::get("/v1/incident_statuses", "Lists incident statuses", || get(choices::list::<Status>))
            .needs(Permission::See)
            .reply::<StatusListReply>(200),
        Operation::post("/v1/incident_statuses", "Creates an incident status", || post(create))
            .needs(Permission::ManageSettings)
            .body::<NewStatusPayload>()
            .reply::<StatusReply>(201),
        Operation::get("/v1/incident_statuses/{id}", "Shows an incident status", || {
            get(choices::show::<Status>)
        })
        .needs(Permission::See)
        .reply::<StatusReply>(200),
        Operation::put("/v1/incident_statuses/{id}", "Updates an incident status", || put(update))
            .needs(Permission::ManageSettings)
            .body::<StatusPayload>()
            .reply::<StatusReply>(200),
        Operation::delete(
            "/v1/incident_statuses/{id}",
            "Deletes an incident status that is not built in and that no incident has ever had",
            || delete(remove),
        )
        .needs(Permission::ManageSettings)
        .empty_reply(202),
    ],
};

/// An incident status.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "IncidentStatus")]
pub(crate) struct StatusView {
    /// The id.
    id: Id<StatusId>,
    /// The name.
    name: String,
    /// What the status means.
    description: String,
    /// The category.
    #[schemars(extend("enum" = ["triage", "declined", "merged", "canceled", "live", "learning", "closed", "paused"]))]
    category: &'static str,
    /// The position among the statuses.
    rank: i64,
    /// When the status was created.
    created_at: Time,
    /// When the status was last updated.
    updated_at: Time,
}

impl From<&Configured<Status>> for StatusView {
    fn from(choice: &Configured<Status>) -> Self {
        Self {
            id: Id(choice.id),
            name: choice.what.name.clone(),
            description: choice.what.description.clone(),
            category: category(choice.what.state),
            rank: choice.what.rank,
            created_at: Time(choice.created_at),
            updated_at: Time(choice.updated_at),
        }
    }
}

/// The category of a status, as version 2 of incident.io's API names it.
pub(crate) const fn category(state: IncidentState) -> &'static str {
    match state {
        IncidentState::Triage => "triage",
        IncidentState::Active => "live",
        IncidentState::Paused => "paused",
        IncidentState::PostIncident => "learning",
        IncidentState::Closed => "closed",
        IncidentState::Declined => "declined",
        IncidentState::Merged => "merged",
        IncidentState::Canceled => "canceled",
    }
}

/// A reply with an incident status.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StatusReply {
    incident_status: StatusView,
}

impl From<StatusView> for StatusReply {
    fn from(incident_status: StatusView) -> Self {
        Self { incident_status }
    }
}

/// A reply with all incident statuses.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StatusListReply {
    incident_statuses: Vec<StatusView>,
}

impl From<Vec<StatusView>> for StatusListReply {
    fn from(incident_statuses: Vec<StatusView>) -> Self {
        Self { incident_statuses }
    }
}

impl ChoiceResource for Status {
    type View = StatusView;
    type Reply = StatusReply;
    type ListReply = StatusListReply;
}

/// An incident status to create.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "NewIncidentStatusPayload")]
struct NewStatusPayload {
    /// The name.
    name: String,
    /// What the status means.
    description: String,
    /// The category.
    category: StatusCategory,
    /// The position among the statuses. A status without a rank comes after the others of its category.
    rank: Option<i64>,
}

/// An incident status to update.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "IncidentStatusPayload")]
struct StatusPayload {
    /// The name.
    name: String,
    /// What the status means.
    description: String,
    /// The position among the statuses.
    rank: Option<i64>,
}

/// The categories that may have more than one status.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum StatusCategory {
    /// People work on the incident.
    Live,
    /// People learn from the incident.
    Learning,
    /// The incident is closed.
    Closed,
}

impl StatusCategory {
    /// The incident state that the category means.
    const fn state(self) -> IncidentState {
        match self {
            Self::Live => IncidentState::Active,
            Self::Learning => IncidentState::PostIncident,
            Self::Closed => IncidentState::Closed,
        }
    }
}

async fn create(
    State(api): SharedState,
    caller: Caller,
    JsonBody { body, .. }: JsonBody<NewStatusPayload>,
) -> ApiResult<(StatusCode, Json<StatusReply>)> {
    let (ctx, now) = (&api.ctx, api.ctx.now());
    let state = body.category.state();
    let rank = match body.rank {
        Some(rank) => rank,
        None => {
            let others = ctx.store.choices::<Status>(caller.org).await?;
            Status::next_rank(state, others.iter().map(|other| &other.what))
        }
    };
    let NewStatusPayload { name, description, .. } = body;
    let status = Status { name, description, state, rank, is_default: false };
    let id = StatusId::new(now, ctx.random());
    let created = app::choice::save::create(&ctx.store, &caller.actor, id, status, &ctx.random, now).await?;
    Ok((StatusCode::CREATED, choices::reply(&created)))
}

async fn update(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<StatusId>,
    JsonBody { body, .. }: JsonBody<StatusPayload>,
) -> ApiResult<Json<StatusReply>> {
    let change = |before: &Status| Status {
        name: body.name.clone(),
        description: body.description.clone(),
        rank: body.rank.unwrap_or(before.rank),
        ..before.clone()
    };
    let ctx = &api.ctx;
    let updated =
        app::choice::save::update(&ctx.store, &caller.actor, id, change, &ctx.random, ctx.now()).await?;
    Ok(choices::reply(&updated))
}

async fn remove(state: SharedState, caller: Caller, id: Id<StatusId>) -> ApiResult<StatusCode> {
    choices::delete::<Status>(state, caller, id).await?;
    Ok(StatusCode::ACCEPTED)
}
