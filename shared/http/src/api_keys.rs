//! API keys: made, changed, made anew and revoked. What a program shows is told once.

use app::api_key::{ApiKeySettings as NewKey, create, find, revoke, update};
use axum::extract::State;
use axum::response::IntoResponse;
use axum::{Json, routing};
use domain::Identity;
use domain::access::{KeyRole, Permission};
use domain::api_key::ApiKey;
use domain::id::ApiKeyId;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ApiError;
use crate::api::{Answer, Desk, Id, Sent, Shared};
use crate::auth::Caller;
use crate::incidents::creator;
use crate::operation::{Operation, Resource};
use crate::page::ApiKeySettings;
use crate::query::Query;

/// The most keys of a page.
const MOST: usize = 250;

/// What a key is asked for with.
const BODY: &str = "{name*: string, role_names*: [string], comments: string, team_ids: [string], \
                    team_role_names: [string]}";

/// What can be done with it.
pub(crate) const RESOURCE: Resource = Resource {
    name: "API keys",
    operations: &[
        Operation::get("/v1/api_keys", "Lists API keys", || routing::get(list))
            .needs(Permission::ManageApiKeys)
            .asks(&[
                ("page_size", "How many objects a page has"),
                ("after", "The id of the last object of the page before"),
            ])
            .answers(200, "{api_keys*: [ApiKey], pagination_meta*: Pagination}"),
        Operation::post("/v1/api_keys", "Makes an API key; its token is shown once", || routing::post(make))
            .needs(Permission::ManageApiKeys)
            .takes(BODY)
            .answers(201, "{api_key*: ApiKey, token*: string}"),
        Operation::get("/v1/api_keys/{id}", "Shows an API key", || routing::get(show))
            .needs(Permission::ManageApiKeys)
            .answers(200, "{api_key*: ApiKey}"),
        Operation::put("/v1/api_keys/{id}", "Changes what an API key may do", || routing::put(change))
            .needs(Permission::ManageApiKeys)
            .takes(BODY)
            .answers(200, "{api_key*: ApiKey}"),
        Operation::delete("/v1/api_keys/{id}", "Revokes an API key, within half a minute everywhere", || {
            routing::delete(destroy)
        })
        .needs(Permission::ManageApiKeys),
        Operation::post("/v1/api_keys/{id}/actions/rotate", "Makes the token of an API key anew", || {
            routing::post(rotate)
        })
        .needs(Permission::ManageApiKeys)
        .answers(201, "{api_key*: ApiKey, token*: string}"),
    ],
    shapes: &[(
        "ApiKey",
        "{id*: id, name*: string, comments: string, roles*: [{name*: string, description*: string}], \
         team_ids*: [string], team_roles*: [any], creator*: Actor, created_at*: time, \
         token_last_issued_at*: time}",
    )],
};

/// A key as it is asked for.
#[derive(Deserialize)]
struct KeyBody {
    name: String,
    role_names: Vec<String>,
    #[serde(default)]
    comments: String,
    #[serde(default)]
    team_ids: Vec<String>,
    #[serde(default)]
    team_role_names: Vec<String>,
}

impl KeyBody {
    fn asked(self) -> Answer<NewKey> {
        // What a key was meant to be kept to must not be forgotten in silence.
        if !self.team_ids.is_empty() || !self.team_role_names.is_empty() {
            let reason = "There are no teams here: a key has its roles everywhere";
            return Err(ApiError::invalid("team_ids", reason));
        }
        let roles = self.role_names.iter().enumerate().map(|(n, name)| {
            let role: Result<KeyRole, _> = name.parse();
            role.map_err(|unknown| ApiError::invalid(format!("role_names.{n}"), unknown.to_string()))
        });
        let mut roles = roles.collect::<Answer<Vec<KeyRole>>>()?;
        let mut seen = Vec::new();
        roles.retain(|role| {
            let new = !seen.contains(role);
            seen.push(*role);
            new
        });
        Ok(NewKey { name: self.name, comments: self.comments, roles })
    }
}

async fn list(State(desk): Shared, caller: Caller, query: Query) -> Answer<Json<Value>> {
    let asked = ApiKeySettings::read(&query, MOST)?;
    let read = desk.ctx.store.api_keys_after(caller.org, asked.after.as_deref(), asked.size + 1).await?;
    let page = asked.cut(read, |key| key.id.to_string());
    let mut keys = Vec::new();
    for key in &page.items {
        keys.push(shown(&desk, &caller, key).await?);
    }
    Ok(Json(json!({ "api_keys": keys, "pagination_meta": asked.meta(page.after.as_deref()) })))
}

async fn show(State(desk): Shared, caller: Caller, Id(id): Id<ApiKeyId>) -> Answer<Json<Value>> {
    let key = find(&desk.ctx.store, caller.org, id).await?;
    Ok(Json(json!({ "api_key": shown(&desk, &caller, &key).await? })))
}

async fn make(State(desk): Shared, caller: Caller, Sent { body, .. }: Sent<KeyBody>) -> Answer {
    let (ctx, asked) = (&desk.ctx, body.asked()?);
    let made = create::create(&ctx.store, &ctx.seal, &caller.actor, asked, &ctx.random, ctx.now()).await?;
    told(&desk, &caller, made).await
}

async fn change(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id<ApiKeyId>,
    Sent { body, .. }: Sent<KeyBody>,
) -> Answer<Json<Value>> {
    let (ctx, asked) = (&desk.ctx, body.asked()?);
    let key = update::update(&ctx.store, &caller.actor, id, &asked, &ctx.random, ctx.now()).await?;
    Ok(Json(json!({ "api_key": shown(&desk, &caller, &key).await? })))
}

async fn rotate(State(desk): Shared, caller: Caller, Id(id): Id<ApiKeyId>) -> Answer {
    let ctx = &desk.ctx;
    let made = update::rotate(&ctx.store, &ctx.seal, &caller.actor, id, &ctx.random, ctx.now()).await?;
    told(&desk, &caller, made).await
}

async fn destroy(State(desk): Shared, caller: Caller, Id(id): Id<ApiKeyId>) -> Answer<StatusCode> {
    let ctx = &desk.ctx;
    revoke::revoke(&ctx.store, &caller.actor, id, &ctx.random, ctx.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A key with what its program shows, this once.
async fn told(desk: &Desk, caller: &Caller, (key, token): (ApiKey, String)) -> Answer {
    let body = json!({ "api_key": shown(desk, caller, &key).await?, "token": token });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// A key, without what its program shows.
async fn shown(desk: &Desk, caller: &Caller, key: &ApiKey) -> Answer<Value> {
    let by = match &key.creator {
        Identity::System(_) => json!({}),
        by @ (Identity::ApiKey(_) | Identity::User(_)) => {
            creator(&desk.ctx.store, caller, caller.org, by, None).await?
        }
    };
    let roles = key.roles.iter().map(|role| json!({ "name": role.name(), "description": role.what() }));
    Ok(json!({
        "id": key.id,
        "name": key.name,
        "comments": key.comments,
        "roles": roles.collect::<Vec<_>>(),
        "team_ids": [],
        "team_roles": [],
        "creator": by,
        "created_at": key.created_at,
        "token_last_issued_at": key.issued_at,
    }))
}
