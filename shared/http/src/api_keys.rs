//! API keys: created, changed, rotated and revoked. The token of a key is shown once.

use app::api_key::{ApiKeySettings as NewKey, create, find, revoke, update};
use axum::extract::State;
use axum::{Json, routing};
use domain::Identity;
use domain::access::{KeyRole, Permission};
use domain::api_key::ApiKey;
use domain::id::ApiKeyId;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ApiError;
use crate::actor::ActorView;
use crate::api::{ApiResult, ApiState, JsonBody, SharedState};
use crate::auth::Caller;
use crate::operation::{AFTER, Operation, PAGE_SIZE, Resource};
use crate::page::{PageRequest, PaginationView};
use crate::query::Query;
use crate::schema::{EmptyList, Id, Time};

/// The most API keys of a page.
const MAX_PAGE: usize = 250;

/// The operations on API keys.
pub(crate) const RESOURCE: Resource = Resource {
    name: "API keys",
    operations: &[
        Operation::get("/v1/api_keys", "Lists API keys", || routing::get(list))
            .needs(Permission::ManageApiKeys)
            .query(&[PAGE_SIZE, AFTER])
            .reply::<ApiKeyListReply>(200),
        Operation::post("/v1/api_keys", "Creates an API key and shows its token, once", || {
            routing::post(make)
        })
        .needs(Permission::ManageApiKeys)
        .body::<ApiKeyPayload>()
        .reply::<ApiKeyTokenReply>(201),
        Operation::get("/v1/api_keys/{id}", "Shows an API key", || routing::get(show))
            .needs(Permission::ManageApiKeys)
            .reply::<ApiKeyReply>(200),
        Operation::put("/v1/api_keys/{id}", "Updates the name and the roles of an API key", || {
            routing::put(change)
        })
        .needs(Permission::ManageApiKeys)
        .body::<ApiKeyPayload>()
        .reply::<ApiKeyReply>(200),
        Operation::delete(
            "/v1/api_keys/{id}",
            "Revokes an API key. Requests with it fail after at most 30 seconds",
            || routing::delete(remove),
        )
        .needs(Permission::ManageApiKeys),
        Operation::post(
            "/v1/api_keys/{id}/actions/rotate",
            "Replaces the token of an API key and shows the new one, once",
            || routing::post(rotate),
        )
        .needs(Permission::ManageApiKeys)
        .reply::<ApiKeyTokenReply>(201),
    ],
};

/// An API key.
#[derive(Serialize, JsonSchema)]
struct ApiKeyView {
    /// The id.
    id: Id<ApiKeyId>,
    /// The name.
    name: String,
    /// A comment for people.
    comments: String,
    /// The roles, which grant permissions.
    roles: Vec<ApiKeyRoleView>,
    /// The teams of the key. Firebell has no teams yet.
    team_ids: EmptyList,
    /// The roles of the key in teams. Firebell has no teams yet.
    team_roles: EmptyList,
    /// Who created the key.
    creator: ActorView,
    /// When the key was created.
    created_at: Time,
    /// When the current token was issued.
    token_last_issued_at: Time,
}

/// A role of an API key.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct ApiKeyRoleView {
    /// The name.
    name: String,
    /// What the role allows.
    description: String,
}

impl ApiKeyView {
    /// The view of an API key, without its token.
    async fn load(api: &ApiState, caller: &Caller, key: &ApiKey) -> ApiResult<Self> {
        let creator = match &key.creator {
            Identity::System(_) => ActorView::default(),
            by @ (Identity::ApiKey(_) | Identity::User(_)) => {
                ActorView::load(&api.ctx.store, caller, by, None).await?
            }
        };
        let role = |role: &KeyRole| ApiKeyRoleView {
            name: role.name().to_owned(),
            description: role.what().to_owned(),
        };
        Ok(Self {
            id: Id(key.id),
            name: key.name.clone(),
            comments: key.comments.clone(),
            roles: key.roles.iter().map(role).collect(),
            team_ids: EmptyList,
            team_roles: EmptyList,
            creator,
            created_at: Time(key.created_at),
            token_last_issued_at: Time(key.issued_at),
        })
    }
}

/// A reply with an API key.
#[derive(Serialize, JsonSchema)]
struct ApiKeyReply {
    api_key: ApiKeyView,
}

/// A reply with an API key and its token.
#[derive(Serialize, JsonSchema)]
struct ApiKeyTokenReply {
    api_key: ApiKeyView,
    /// The token, which is shown only in this reply.
    token: String,
}

/// A reply with a page of API keys.
#[derive(Serialize, JsonSchema)]
struct ApiKeyListReply {
    api_keys: Vec<ApiKeyView>,
    pagination_meta: PaginationView,
}

/// An API key to create or update.
#[derive(Deserialize, JsonSchema)]
struct ApiKeyPayload {
    /// The name.
    name: String,
    /// The names of the roles, which grant permissions.
    role_names: Vec<String>,
    /// A comment for people.
    #[serde(default)]
    comments: String,
    /// Not supported yet: leave it empty.
    #[serde(default)]
    team_ids: Vec<String>,
    /// Not supported yet: leave it empty.
    #[serde(default)]
    team_role_names: Vec<String>,
}

impl ApiKeyPayload {
    /// The key to create or update.
    ///
    /// # Errors
    /// [`ApiError`] that names an unknown role, or a team: a key that should be limited to a team must not get its roles
    /// everywhere.
    fn key(self) -> ApiResult<NewKey> {
        if !self.team_ids.is_empty() || !self.team_role_names.is_empty() {
            let reason = "Teams are not supported yet: leave this empty. An API key has its roles everywhere";
            return Err(ApiError::invalid("team_ids", reason));
        }
        let roles = self.role_names.iter().enumerate().map(|(n, name)| {
            let role: Result<KeyRole, _> = name.parse();
            role.map_err(|unknown| ApiError::invalid(format!("role_names.{n}"), unknown.to_string()))
        });
        let mut roles = roles.collect::<ApiResult<Vec<KeyRole>>>()?;
        let mut seen = Vec::new();
        roles.retain(|role| {
            let new = !seen.contains(role);
            seen.push(*role);
            new
        });
        Ok(NewKey { name: self.name, comments: self.comments, roles })
    }
}

async fn list(State(api): SharedState, caller: Caller, query: Query) -> ApiResult<Json<ApiKeyListReply>> {
    let page = PageRequest::read(&query, MAX_PAGE)?;
    let read = api.ctx.store.api_keys_after(caller.org, page.after.as_deref(), page.size + 1).await?;
    let found = page.cut(read, |key| key.id.to_string());
    let mut api_keys = Vec::new();
    for key in &found.items {
        api_keys.push(ApiKeyView::load(&api, &caller, key).await?);
    }
    Ok(Json(ApiKeyListReply { api_keys, pagination_meta: page.meta(found.after) }))
}

async fn show(State(api): SharedState, caller: Caller, Id(id): Id<ApiKeyId>) -> ApiResult<Json<ApiKeyReply>> {
    let key = find(&api.ctx.store, caller.org, id).await?;
    Ok(Json(ApiKeyReply { api_key: ApiKeyView::load(&api, &caller, &key).await? }))
}

async fn make(
    State(api): SharedState,
    caller: Caller,
    JsonBody { body, .. }: JsonBody<ApiKeyPayload>,
) -> ApiResult<(StatusCode, Json<ApiKeyTokenReply>)> {
    let (ctx, new) = (&api.ctx, body.key()?);
    let created = create::create(&ctx.store, &ctx.seal, &caller.actor, new, &ctx.random, ctx.now()).await?;
    token_reply(&api, &caller, created).await
}

async fn change(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<ApiKeyId>,
    JsonBody { body, .. }: JsonBody<ApiKeyPayload>,
) -> ApiResult<Json<ApiKeyReply>> {
    let (ctx, change) = (&api.ctx, body.key()?);
    let key = update::update(&ctx.store, &caller.actor, id, &change, &ctx.random, ctx.now()).await?;
    Ok(Json(ApiKeyReply { api_key: ApiKeyView::load(&api, &caller, &key).await? }))
}

async fn rotate(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<ApiKeyId>,
) -> ApiResult<(StatusCode, Json<ApiKeyTokenReply>)> {
    let ctx = &api.ctx;
    let rotated = update::rotate(&ctx.store, &ctx.seal, &caller.actor, id, &ctx.random, ctx.now()).await?;
    token_reply(&api, &caller, rotated).await
}

async fn remove(State(api): SharedState, caller: Caller, Id(id): Id<ApiKeyId>) -> ApiResult<StatusCode> {
    let ctx = &api.ctx;
    revoke::revoke(&ctx.store, &caller.actor, id, &ctx.random, ctx.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The reply with a new token.
async fn token_reply(
    api: &ApiState,
    caller: &Caller,
    (key, token): (ApiKey, String),
) -> ApiResult<(StatusCode, Json<ApiKeyTokenReply>)> {
    let reply = ApiKeyTokenReply { api_key: ApiKeyView::load(api, caller, &key).await?, token };
    Ok((StatusCode::CREATED, Json(reply)))
}
