//! Severities: how bad incidents are.

use axum::Json;
use axum::extract::State;
use axum::routing::{delete, get, post, put};
use domain::access::Permission;
use domain::choice::Configured;
use domain::id::SeverityId;
use domain::incident::Severity;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{Answer, Id, Sent, Shared};
use crate::auth::Caller;
use crate::choices::{self, Offer, alone};
use crate::operation::{Operation, Resource};

/// What can be done with severities.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Severities",
    operations: &[
        Operation::get("/v1/severities", "Lists severities", || get(choices::list::<Severity>))
            .needs(Permission::See)
            .answers(200, "{severities*: [Severity]}"),
        Operation::post("/v1/severities", "Adds a severity", || post(create))
            .needs(Permission::ManageSettings)
            .takes("SeverityPayload")
            .answers(201, "{severity*: Severity}"),
        Operation::get("/v1/severities/{id}", "Shows a severity", || get(choices::show::<Severity>))
            .needs(Permission::See)
            .answers(200, "{severity*: Severity}"),
        Operation::put("/v1/severities/{id}", "Changes a severity", || put(update))
            .needs(Permission::ManageSettings)
            .takes("SeverityPayload")
            .answers(200, "{severity*: Severity}"),
        Operation::delete(
            "/v1/severities/{id}",
            "Deletes a severity that no incident was ever given",
            || delete(destroy),
        )
        .needs(Permission::ManageSettings)
        .answers_nothing(202),
    ],
    shapes: &[
        (
            "Severity",
            "{id*: id, name*: string, description*: string, rank*: integer, created_at*: time, updated_at*: time}",
        ),
        ("SeverityPayload", "{name*: string, description*: string, rank: integer}"),
    ],
};

impl Offer for Severity {
    const ONE: &'static str = "severity";
    const MANY: &'static str = "severities";

    fn shown(choice: &Configured<Self>) -> Value {
        json!({
            "id": choice.id,
            "name": choice.what.name,
            "description": choice.what.description,
            "rank": choice.what.rank,
            "created_at": choice.created_at,
            "updated_at": choice.updated_at,
        })
    }
}

/// A severity as it is sent.
#[derive(Deserialize)]
struct SeverityBody {
    name: String,
    description: String,
    rank: Option<i64>,
}

async fn create(
    State(desk): Shared,
    caller: Caller,
    Sent { body, .. }: Sent<SeverityBody>,
) -> Answer<(StatusCode, Json<Value>)> {
    let (ctx, now) = (&desk.ctx, desk.ctx.now());
    let rank = match body.rank {
        Some(rank) => rank,
        // The worst of all, unless it says otherwise.
        None => {
            let there = ctx.store.choices::<Severity>(caller.org).await?;
            there.iter().map(|choice| choice.what.rank).max().unwrap_or(0).saturating_add(1)
        }
    };
    let what = Severity { name: body.name, description: body.description, rank };
    let id = SeverityId::new(now, ctx.random());
    let made = app::choice::save::create(&ctx.store, &caller.actor, id, what, &ctx.random, now).await?;
    Ok((StatusCode::CREATED, alone(&made)))
}

async fn update(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id<SeverityId>,
    Sent { body, .. }: Sent<SeverityBody>,
) -> Answer<Json<Value>> {
    let change = |before: &Severity| Severity {
        name: body.name.clone(),
        description: body.description.clone(),
        rank: body.rank.unwrap_or(before.rank),
    };
    let ctx = &desk.ctx;
    Ok(alone(
        &app::choice::save::update(&ctx.store, &caller.actor, id, change, &ctx.random, ctx.now()).await?,
    ))
}

async fn destroy(state: Shared, caller: Caller, id: Id<SeverityId>) -> Answer<StatusCode> {
    choices::destroy::<Severity>(state, caller, id).await?;
    Ok(StatusCode::ACCEPTED)
}
