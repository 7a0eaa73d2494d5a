//! Statuses: how far incidents are, in an organisation's own words.

use axum::Json;
use axum::extract::State;
use axum::routing::{delete, get, post, put};
use domain::access::Permission;
use domain::choice::Configured;
use domain::id::StatusId;
use domain::incident::{IncidentState, Status};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ApiError;
use crate::api::{Answer, Id, Sent, Shared};
use crate::auth::Caller;
use crate::choices::{self, Offer, alone};
use crate::incidents::category;
use crate::operation::{Operation, Resource};

/// What can be done with statuses.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Incident statuses",
    operations: &[
        Operation::get("/v1/incident_statuses", "Lists the statuses of incidents", || {
            get(choices::list::<Status>)
        })
        .needs(Permission::See)
        .answers(200, "{incident_statuses*: [IncidentStatus]}"),
        Operation::post("/v1/incident_statuses", "Adds a status", || post(create))
            .needs(Permission::ManageSettings)
            .takes("{name*: string, description*: string, category*: live|learning|closed, rank: integer}")
            .answers(201, "{incident_status*: IncidentStatus}"),
        Operation::get("/v1/incident_statuses/{id}", "Shows a status", || get(choices::show::<Status>))
            .needs(Permission::See)
            .answers(200, "{incident_status*: IncidentStatus}"),
        Operation::put("/v1/incident_statuses/{id}", "Changes a status", || put(update))
            .needs(Permission::ManageSettings)
            .takes("{name*: string, description*: string, rank: integer}")
            .answers(200, "{incident_status*: IncidentStatus}"),
        Operation::delete(
            "/v1/incident_statuses/{id}",
            "Deletes a status of the organisation's own that no incident ever had",
            || delete(destroy),
        )
        .needs(Permission::ManageSettings)
        .answers_nothing(202),
    ],
    shapes: &[(
        "IncidentStatus",
        "{id*: id, name*: string, description*: string, rank*: integer, created_at*: time, updated_at*: time, \
         category*: triage|declined|merged|canceled|live|learning|closed|paused}",
    )],
};

impl Offer for Status {
    const ONE: &'static str = "incident_status";
    const MANY: &'static str = "incident_statuses";

    fn shown(choice: &Configured<Self>) -> Value {
        json!({
            "id": choice.id,
            "name": choice.what.name,
            "description": choice.what.description,
            "category": category(choice.what.state),
            "rank": choice.what.rank,
            "created_at": choice.created_at,
            "updated_at": choice.updated_at,
        })
    }
}

/// A status as it is sent.
#[derive(Deserialize)]
struct StatusBody {
    name: String,
    description: String,
    category: Option<Category>,
    rank: Option<i64>,
}

/// The categories that may have more than one status.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Category {
    /// People work on it.
    Live,
    /// It is being learned from.
    Learning,
    /// It is done.
    Closed,
}

impl Category {
    /// The state that it means.
    const fn state(self) -> IncidentState {
        match self {
            Self::Live => IncidentState::Active,
            Self::Learning => IncidentState::PostIncident,
            Self::Closed => IncidentState::Closed,
        }
    }
}

async fn create(
    State(desk): Shared,
    caller: Caller,
    Sent { body, .. }: Sent<StatusBody>,
) -> Answer<(StatusCode, Json<Value>)> {
    let (ctx, now) = (&desk.ctx, desk.ctx.now());
    let state = body.category.ok_or_else(|| ApiError::required("category"))?.state();
    let rank = match body.rank {
        Some(rank) => rank,
        None => {
            let others = ctx.store.choices::<Status>(caller.org).await?;
            Status::next_rank(state, others.iter().map(|other| &other.what))
        }
    };
    let StatusBody { name, description, .. } = body;
    let what = Status { name, description, state, rank, is_default: false };
    let id = StatusId::new(now, ctx.random());
    let made = app::choice::save::create(&ctx.store, &caller.actor, id, what, &ctx.random, now).await?;
    Ok((StatusCode::CREATED, alone(&made)))
}

async fn update(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id<StatusId>,
    Sent { body, .. }: Sent<StatusBody>,
) -> Answer<Json<Value>> {
    let change = |before: &Status| Status {
        name: body.name.clone(),
        description: body.description.clone(),
        rank: body.rank.unwrap_or(before.rank),
        ..before.clone()
    };
    let ctx = &desk.ctx;
    Ok(alone(
        &app::choice::save::update(&ctx.store, &caller.actor, id, change, &ctx.random, ctx.now()).await?,
    ))
}

async fn destroy(state: Shared, caller: Caller, id: Id<StatusId>) -> Answer<StatusCode> {
    choices::destroy::<Status>(state, caller, id).await?;
    Ok(StatusCode::ACCEPTED)
}
