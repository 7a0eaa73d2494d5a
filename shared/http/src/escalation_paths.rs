//! Escalation paths: levels of people.

use app::AppError;
use app::escalation_path::save::NewPath;
use axum::extract::State;
use axum::{Json, routing};
use domain::access::Permission;
use domain::escalation_path::{AckMode, DEFAULT_ACK_SECONDS, Level, Path, Target};
use domain::id::{PathId, RuleId, UserId};
use domain::user::Urgency;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::ApiError;
use crate::api::{ApiResult, ApiState, JsonBody, SharedState, clip, stored_document};
use crate::auth::Caller;
use crate::binding::labelled;
use crate::documents::EscalationPathDocument;
use crate::operation::{AFTER, Operation, PAGE_SIZE, Resource};
use crate::page::{PageRequest, PaginationView};
use crate::query::Query;
use crate::schema::Id;

/// The most escalation paths of a page.
const MAX_PAGE: usize = 25;

/// The operations on escalation paths.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Escalation paths",
    operations: &[
        Operation::get("/v2/escalation_paths", "Lists escalation paths", || routing::get(list))
            .needs(Permission::SeeOnCall)
            .query(&[PAGE_SIZE, AFTER])
            .reply::<EscalationPathListReply>(200),
        Operation::post("/v2/escalation_paths", "Creates an escalation path", || routing::post(create))
            .needs(Permission::ConfigureOnCall)
            .body::<EscalationPathPayload>()
            .reply::<EscalationPathReply>(201),
        Operation::get("/v2/escalation_paths/{id}", "Shows an escalation path", || routing::get(show))
            .needs(Permission::SeeOnCall)
            .reply::<EscalationPathReply>(200),
        Operation::put("/v2/escalation_paths/{id}", "Updates an escalation path", || routing::put(update))
            .needs(Permission::ConfigureOnCall)
            .body::<EscalationPathPayload>()
            .reply::<EscalationPathReply>(200),
        Operation::delete("/v2/escalation_paths/{id}", "Deletes an escalation path", || {
            routing::delete(delete)
        })
        .needs(Permission::ConfigureOnCall),
    ],
};

/// An escalation path. Fields of the request that Firebell does not know are shown as they were sent.
#[derive(Serialize, JsonSchema)]
struct EscalationPathView {
    /// The id.
    id: Id<PathId>,
    /// The name.
    name: String,
    #[serde(flatten)]
    #[schemars(with = "EscalationPathDocument")]
    document: Map<String, Value>,
}

impl From<&Path> for EscalationPathView {
    fn from(path: &Path) -> Self {
        let mut document = match labelled(path.document.0.clone()) {
            Value::Object(document) => document,
            // The path was not created by a client, so that there is no document.
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                let nodes: Vec<Value> = path.levels.iter().enumerate().map(node).collect();
                Map::from_iter([("path".to_owned(), nodes.into())])
            }
        };
        document.retain(|field, _| field != "id" && field != "name");
        for (field, default) in
            [("kind", json!("standalone")), ("team_ids", json!([])), ("current_responders", json!([]))]
        {
            document.entry(field).or_insert(default);
        }
        Self { id: Id(path.id), name: path.name.clone(), document }
    }
}

/// A level as a client sends it.
fn node((n, level): (usize, &Level)) -> Value {
    let target =
        |target: &Target| json!({ "type": "user", "id": target.user, "urgency": target.urgency.name() });
    json!({
        "id": format!("level-{}", n + 1),
        "type": "level",
        "level": {
            "targets": level.targets.iter().map(target).collect::<Vec<_>>(),
            "ack_mode": "first",
            "time_to_ack_seconds": level.ack_seconds,
        },
    })
}

/// A reply with an escalation path.
#[derive(Serialize, JsonSchema)]
struct EscalationPathReply {
    escalation_path: EscalationPathView,
}

/// A reply with a page of escalation paths.
#[derive(Serialize, JsonSchema)]
struct EscalationPathListReply {
    escalation_paths: Vec<EscalationPathView>,
    pagination_meta: PaginationView,
}

/// An escalation path to create or update. Fields that are not listed here are stored and shown again.
#[derive(Deserialize, JsonSchema)]
struct EscalationPathPayload {
    /// The name.
    name: String,
    /// The kind of path. Only `standalone` is supported.
    kind: Option<String>,
    /// The levels, in order.
    path: Vec<EscalationNodePayload>,
    /// Not supported yet: leave it out.
    repeat_config: Option<Map<String, Value>>,
}

/// A node of an escalation path.
#[derive(Deserialize, JsonSchema)]
struct EscalationNodePayload {
    /// The type of the node. Only `level` is supported.
    r#type: String,
    /// The level.
    level: Option<EscalationLevelPayload>,
}

/// A level of an escalation path.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
struct EscalationLevelPayload {
    /// The people who are notified.
    targets: Vec<EscalationTargetPayload>,
    /// When the level ends. Only `first` is supported: at the first acknowledgement.
    ack_mode: Option<String>,
    /// After how many seconds without an acknowledgement the next level begins.
    time_to_ack_seconds: Option<u32>,
    /// Not supported yet: leave it out.
    retry_config: Option<Map<String, Value>>,
    /// Only `enabled: false` is supported.
    round_robin_config: Option<RoundRobinPayload>,
    /// Not supported yet: leave it out.
    time_to_ack_interval_condition: Option<String>,
    /// Not supported yet: leave it out.
    time_to_ack_weekday_interval_config_id: Option<String>,
}

/// Whether the people of a level take turns.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
struct RoundRobinPayload {
    /// Only `false` is supported.
    #[serde(default)]
    enabled: bool,
}

/// A person who is notified.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
struct EscalationTargetPayload {
    /// The id of the person.
    #[schemars(length(min = 1))]
    id: String,
    /// The type of the target. Only `user` is supported.
    r#type: String,
    /// How urgent the notifications are.
    #[serde(default)]
    #[schemars(with = "UrgencyName")]
    urgency: Urgency,
}

/// How urgent a notification is.
#[derive(JsonSchema, Serialize)]
#[schemars(inline, rename_all = "snake_case")]
#[expect(dead_code, reason = "it describes `domain::user::Urgency`")]
enum UrgencyName {
    High,
    Low,
}

impl EscalationPathPayload {
    /// The levels.
    ///
    /// # Errors
    /// [`ApiError`] that names the field that is not supported.
    fn levels(self) -> ApiResult<Vec<Level>> {
        if self.kind.is_some_and(|kind| kind != "standalone") {
            return Err(ApiError::invalid(
                "kind",
                "This kind of path is not supported yet: use `standalone`",
            ));
        }
        if self.repeat_config.is_some() {
            return Err(ApiError::invalid(
                "repeat_config",
                "Repeating a path is not supported yet: leave it out",
            ));
        }
        self.path.into_iter().enumerate().map(|(n, node)| node.level(&format!("path.{n}"))).collect()
    }
}

impl EscalationNodePayload {
    fn level(self, field: &str) -> ApiResult<Level> {
        if self.r#type != "level" {
            let reason =
                format!("Nodes of the type `{}` are not supported yet: use `level`", clip(&self.r#type));
            return Err(ApiError::invalid(format!("{field}.type"), reason));
        }
        let level = self.level.ok_or_else(|| ApiError::required(&format!("{field}.level")))?;
        level.level(&format!("{field}.level"))
    }
}

impl EscalationLevelPayload {
    fn level(self, field: &str) -> ApiResult<Level> {
        let unsupported =
            |name: &str, reason: &str| Err(ApiError::invalid(format!("{field}.{name}"), reason));
        if self.ack_mode.is_some_and(|mode| mode != "first") {
            return unsupported("ack_mode", "This mode is not supported yet: use `first`");
        }
        if self.retry_config.is_some() {
            return unsupported("retry_config", "Retrying a level is not supported yet: leave it out");
        }
        if self.round_robin_config.is_some_and(|round_robin| round_robin.enabled) {
            return unsupported(
                "round_robin_config.enabled",
                "Round robin is not supported yet: a level notifies all of its people. Use `false`",
            );
        }
        let filled = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let working_hours = "Working hours are not supported yet: leave it out";
        if filled(&self.time_to_ack_interval_condition) {
            return unsupported("time_to_ack_interval_condition", working_hours);
        }
        if filled(&self.time_to_ack_weekday_interval_config_id) {
            return unsupported("time_to_ack_weekday_interval_config_id", working_hours);
        }
        let targets = self.targets.into_iter().enumerate();
        let targets = targets.map(|(n, target)| target.target(&format!("{field}.targets.{n}")));
        Ok(Level {
            targets: targets.collect::<ApiResult<_>>()?,
            ack_seconds: self.time_to_ack_seconds.unwrap_or(DEFAULT_ACK_SECONDS),
            ack_mode: AckMode::First,
        })
    }
}

impl EscalationTargetPayload {
    fn target(self, field: &str) -> ApiResult<Target> {
        if self.r#type != "user" {
            let reason =
                format!("Targets of the type `{}` are not supported yet: use `user`", clip(&self.r#type));
            return Err(ApiError::invalid(format!("{field}.type"), reason));
        }
        let user: UserId = self.id.parse().map_err(|_| {
            let reason = format!("There is no user with the id `{}`", clip(&self.id));
            ApiError::invalid(format!("{field}.id"), reason)
        })?;
        Ok(Target { user, urgency: self.urgency })
    }
}

/// The path to create or update. A node without an id gets one.
///
/// # Errors
/// [`ApiError`] that names the field that is not supported.
fn new_path(
    api: &ApiState,
    JsonBody { body, mut document }: JsonBody<EscalationPathPayload>,
) -> ApiResult<NewPath> {
    let name = body.name.clone();
    let levels = body.levels()?;
    for node in document["path"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        node.entry("id").or_insert_with(|| json!(RuleId::new(api.ctx.now(), api.ctx.random())));
    }
    Ok(NewPath { name, levels, document: stored_document(document, &["id", "name"])? })
}

async fn create(
    State(api): SharedState,
    caller: Caller,
    body: JsonBody<EscalationPathPayload>,
) -> ApiResult<(StatusCode, Json<EscalationPathReply>)> {
    let (ctx, new) = (&api.ctx, new_path(&api, body)?);
    let id = PathId::new(ctx.now(), ctx.random());
    let path = app::escalation_path::save::create(&ctx.store, &caller.actor, id, new, &ctx.random, ctx.now())
        .await?;
    Ok((StatusCode::CREATED, Json(EscalationPathReply { escalation_path: (&path).into() })))
}

async fn list(
    State(api): SharedState,
    caller: Caller,
    query: Query,
) -> ApiResult<Json<EscalationPathListReply>> {
    let page = PageRequest::read(&query, MAX_PAGE)?;
    let read = api.ctx.store.paths_after(caller.org, page.after.as_deref(), page.size + 1).await?;
    let found = page.cut(read, |path| path.id.to_string());
    Ok(Json(EscalationPathListReply {
        escalation_paths: found.items.iter().map(EscalationPathView::from).collect(),
        pagination_meta: page.meta(found.after),
    }))
}

async fn show(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<PathId>,
) -> ApiResult<Json<EscalationPathReply>> {
    let path = api.ctx.store.path(caller.org, id, None).await?;
    let path = path.ok_or_else(|| AppError::not_found("escalation path", id))?;
    Ok(Json(EscalationPathReply { escalation_path: (&path).into() }))
}

async fn update(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<PathId>,
    body: JsonBody<EscalationPathPayload>,
) -> ApiResult<Json<EscalationPathReply>> {
    let store = &api.ctx.store;
    if store.path(caller.org, id, None).await?.is_none() {
        return Err(AppError::not_found("escalation path", id).into());
    }
    let new = new_path(&api, body)?;
    let path =
        app::escalation_path::save::update(store, &caller.actor, id, new, &api.ctx.random, api.ctx.now())
            .await?;
    Ok(Json(EscalationPathReply { escalation_path: (&path).into() }))
}

async fn delete(State(api): SharedState, caller: Caller, Id(id): Id<PathId>) -> ApiResult<StatusCode> {
    app::escalation_path::save::delete(&api.ctx.store, &caller.actor, id, &api.ctx.random, api.ctx.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
