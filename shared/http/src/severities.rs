//! Severities: how bad incidents are.

use axum::Json;
use axum::extract::State;
use axum::routing::{delete, get, post, put};
use domain::access::Permission;
use domain::choice::Configured;
use domain::id::SeverityId;
use domain::incident::Severity;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{ApiResult, JsonBody, SharedState};
use crate::auth::Caller;
use crate::choices::{self, ChoiceResource};
use crate::operation::{Operation, Resource};
use crate::schema::{Id, Time};

/// The operations on severities.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Severities",
    operations: &[
        Operation::get("/v1/severities", "Lists severities", || get(choices::list::<Severity>))
            .needs(Permission::See)
            .reply::<SeverityListReply>(200),
        Operation::post("/v1/severities", "Creates a severity", || post(create))
            .needs(Permission::ManageSettings)
            .body::<SeverityPayload>()
            .reply::<SeverityReply>(201),
        Operation::get("/v1/severities/{id}", "Shows a severity", || get(choices::show::<Severity>))
            .needs(Permission::See)
            .reply::<SeverityReply>(200),
        Operation::put("/v1/severities/{id}", "Updates a severity", || put(update))
            .needs(Permission::ManageSettings)
            .body::<SeverityPayload>()
            .reply::<SeverityReply>(200),
        Operation::delete("/v1/severities/{id}", "Deletes a severity that no incident has ever had", || {
            delete(remove)
        })
        .needs(Permission::ManageSettings)
        .empty_reply(202),
    ],
};

/// A severity.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SeverityView {
    /// The id.
    id: Id<SeverityId>,
    /// The name.
    name: String,
    /// What the severity means.
    description: String,
    /// The position among the severities. A higher rank is worse.
    rank: i64,
    /// When the severity was created.
    created_at: Time,
    /// When the severity was last updated.
    updated_at: Time,
}

impl From<&Configured<Severity>> for SeverityView {
    fn from(choice: &Configured<Severity>) -> Self {
        let Severity { name, description, rank } = choice.what.clone();
        Self {
            id: Id(choice.id),
            name,
            description,
            rank,
            created_at: Time(choice.created_at),
            updated_at: Time(choice.updated_at),
        }
    }
}

/// A reply with a severity.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SeverityReply {
    severity: SeverityView,
}

impl From<SeverityView> for SeverityReply {
    fn from(severity: SeverityView) -> Self {
        Self { severity }
    }
}

/// A reply with all severities.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SeverityListReply {
    severities: Vec<SeverityView>,
}

impl From<Vec<SeverityView>> for SeverityListReply {
    fn from(severities: Vec<SeverityView>) -> Self {
        Self { severities }
    }
}

impl ChoiceResource for Severity {
    type View = SeverityView;
    type Reply = SeverityReply;
    type ListReply = SeverityListReply;
}

/// A severity to create or update.
#[derive(Deserialize, JsonSchema)]
struct SeverityPayload {
    /// The name.
    name: String,
    /// What the severity means.
    description: String,
    /// The position among the severities. A new severity is the worst if it has no rank.
    rank: Option<i64>,
}

async fn create(
    State(api): SharedState,
    caller: Caller,
    JsonBody { body, .. }: JsonBody<SeverityPayload>,
) -> ApiResult<(StatusCode, Json<SeverityReply>)> {
    let (ctx, now) = (&api.ctx, api.ctx.now());
    let rank = match body.rank {
        Some(rank) => rank,
        None => {
            let others = ctx.store.choices::<Severity>(caller.org).await?;
            others.iter().map(|choice| choice.what.rank).max().unwrap_or(0).saturating_add(1)
        }
    };
    let severity = Severity { name: body.name, description: body.description, rank };
    let id = SeverityId::new(now, ctx.random());
    let created =
        app::choice::save::create(&ctx.store, &caller.actor, id, severity, &ctx.random, now).await?;
    Ok((StatusCode::CREATED, choices::reply(&created)))
}

async fn update(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<SeverityId>,
    JsonBody { body, .. }: JsonBody<SeverityPayload>,
) -> ApiResult<Json<SeverityReply>> {
    let change = |before: &Severity| Severity {
        name: body.name.clone(),
        description: body.description.clone(),
        rank: body.rank.unwrap_or(before.rank),
    };
    let ctx = &api.ctx;
    let updated =
        app::choice::save::update(&ctx.store, &caller.actor, id, change, &ctx.random, ctx.now()).await?;
    Ok(choices::reply(&updated))
}

async fn remove(state: SharedState, caller: Caller, id: Id<SeverityId>) -> ApiResult<StatusCode> {
    choices::delete::<Severity>(state, caller, id).await?;
    Ok(StatusCode::ACCEPTED)
}
