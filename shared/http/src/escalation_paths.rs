//! Escalation paths: levels of people.

use app::AppError;
use app::escalation_path::save::NewPath;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::{Json, routing};
use domain::access::Permission;
use domain::escalation_path::{AckMode, DEFAULT_ACK_SECONDS, Level, Path, Target};
use domain::id::{PathId, RuleId, UserId};
use domain::user::Urgency;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ApiError;
use crate::api::{Answer, Desk, Id, Sent, Shared, clip};
use crate::auth::Caller;
use crate::binding::labelled;
use crate::operation::{Operation, Resource};
use crate::page::Asked;
use crate::query::Query;

/// The most paths of a page.
const MOST: usize = 25;

/// What can be done with it.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Escalation paths",
    operations: &[
        Operation::get("/v2/escalation_paths", "Lists escalation paths", || routing::get(list))
            .needs(Permission::SeeOnCall)
            .asks(&[
                ("page_size", "How many objects a page has"),
                ("after", "The id of the last object of the page before"),
            ])
            .answers(200, "{escalation_paths*: [EscalationPath], pagination_meta*: Pagination}"),
        Operation::post("/v2/escalation_paths", "Adds an escalation path", || routing::post(create))
            .needs(Permission::ConfigureOnCall)
            .takes("EscalationPathPayload")
            .answers(201, "{escalation_path*: EscalationPath}"),
        Operation::get("/v2/escalation_paths/{id}", "Shows an escalation path", || routing::get(show))
            .needs(Permission::SeeOnCall)
            .answers(200, "{escalation_path*: EscalationPath}"),
        Operation::put("/v2/escalation_paths/{id}", "Changes an escalation path", || routing::put(update))
            .needs(Permission::ConfigureOnCall)
            .takes("EscalationPathPayload")
            .answers(200, "{escalation_path*: EscalationPath}"),
        Operation::delete("/v2/escalation_paths/{id}", "Deletes an escalation path", || {
            routing::delete(delete)
        })
        .needs(Permission::ConfigureOnCall),
    ],
    shapes: &[
        (
            "EscalationPath",
            "{id*: id, name*: string, kind: string, path*: [EscalationNode], \
             working_hours: [any], team_ids*: [id], current_responders*: [any]}",
        ),
        ("EscalationPathPayload", "{name*: string, path*: [EscalationNode], working_hours: [any]}"),
        (
            "EscalationNode",
            "{id*: string, type*: string, level: {targets*: [any], time_to_ack_seconds: integer, \
             ack_mode: string}}",
        ),
    ],
};

/// What is understood of a path as it is sent; all else is kept and shown again.
#[derive(Deserialize)]
struct PathBody {
    name: String,
    kind: Option<String>,
    path: Vec<NodeBody>,
    repeat_config: Option<Value>,
}

#[derive(Deserialize)]
struct NodeBody {
    r#type: String,
    level: Option<LevelBody>,
}

#[derive(Deserialize)]
struct LevelBody {
    targets: Vec<TargetBody>,
    ack_mode: Option<String>,
    time_to_ack_seconds: Option<u32>,
    retry_config: Option<Value>,
    round_robin_config: Option<RoundRobinBody>,
    time_to_ack_interval_condition: Option<String>,
    time_to_ack_weekday_interval_config_id: Option<String>,
}

#[derive(Deserialize)]
struct RoundRobinBody {
    #[serde(default)]
    enabled: bool,
}

#[derive(Deserialize)]
struct TargetBody {
    id: String,
    r#type: String,
    #[serde(default)]
    urgency: Urgency,
}

impl PathBody {
    /// The levels, if everything that was sent can be honoured.
    fn levels(self) -> Answer<Vec<Level>> {
        if self.kind.is_some_and(|kind| kind != "standalone") {
            return Err(ApiError::invalid("kind", "There are only paths of the kind `standalone`"));
        }
        if self.repeat_config.is_some() {
            return Err(ApiError::invalid("repeat_config", "A path cannot be repeated yet: leave it out"));
        }
        self.path.into_iter().enumerate().map(|(n, node)| node.level(&format!("path.{n}"))).collect()
    }
}

impl NodeBody {
    fn level(self, field: &str) -> Answer<Level> {
        if self.r#type != "level" {
            let reason = format!("A node is of the type `level`; there is no `{}` yet", clip(&self.r#type));
            return Err(ApiError::invalid(format!("{field}.type"), reason));
        }
        let level = self.level.ok_or_else(|| ApiError::required(&format!("{field}.level")))?;
        level.level(&format!("{field}.level"))
    }
}

impl LevelBody {
    fn level(self, field: &str) -> Answer<Level> {
        let refuse = |name: &str, reason: &str| Err(ApiError::invalid(format!("{field}.{name}"), reason));
        if self.ack_mode.is_some_and(|mode| mode != "first") {
            return refuse(
                "ack_mode",
                "A level ends at the `first` acknowledgement; there is no other way yet",
            );
        }
        if self.retry_config.is_some() {
            return refuse("retry_config", "A level is not retried yet: leave it out");
        }
        if self.round_robin_config.is_some_and(|round_robin| round_robin.enabled) {
            return refuse(
                "round_robin_config.enabled",
                "A level pages everybody in it; there are no turns yet",
            );
        }
        let filled = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        if filled(&self.time_to_ack_interval_condition) {
            return refuse("time_to_ack_interval_condition", "Working hours do not count yet: leave it out");
        }
        if filled(&self.time_to_ack_weekday_interval_config_id) {
            return refuse(
                "time_to_ack_weekday_interval_config_id",
                "Working hours do not count yet: leave it out",
            );
        }
        let targets = self.targets.into_iter().enumerate();
        let targets = targets.map(|(n, target)| target.target(&format!("{field}.targets.{n}")));
        Ok(Level {
            targets: targets.collect::<Answer<_>>()?,
            ack_seconds: self.time_to_ack_seconds.unwrap_or(DEFAULT_ACK_SECONDS),
            ack_mode: AckMode::First,
        })
    }
}

impl TargetBody {
    fn target(self, field: &str) -> Answer<Target> {
        if self.r#type != "user" {
            let reason = format!("A target is of the type `user`; there is no `{}` yet", clip(&self.r#type));
            return Err(ApiError::invalid(format!("{field}.type"), reason));
        }
        let user: UserId = self.id.parse().map_err(|_| {
            ApiError::invalid(format!("{field}.id"), format!("There is no user `{}`", clip(&self.id)))
        })?;
        Ok(Target { user, urgency: self.urgency })
    }
}

/// What is kept of what was sent; a node that has no id gets one.
fn new_path(desk: &Desk, Sent { body, mut document }: Sent<PathBody>) -> Answer<NewPath> {
    let name = body.name.clone();
    let levels = body.levels()?;
    for node in document["path"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        node.entry("id").or_insert_with(|| json!(RuleId::new(desk.ctx.now(), desk.ctx.random())));
    }
    Ok(NewPath { name, levels, document: Sent::<PathBody>::kept(document, &["id", "name"])? })
}

async fn create(State(desk): Shared, caller: Caller, sent: Sent<PathBody>) -> Answer {
    let (ctx, new) = (&desk.ctx, new_path(&desk, sent)?);
    let id = PathId::new(ctx.now(), ctx.random());
    let path = app::escalation_path::save::create(&ctx.store, &caller.actor, id, new, &ctx.random, ctx.now())
        .await?;
    Ok((StatusCode::CREATED, Json(json!({ "escalation_path": shown(&path) }))).into_response())
}

async fn list(State(desk): Shared, caller: Caller, query: Query) -> Answer<Json<Value>> {
    let asked = Asked::read(&query, MOST)?;
    let read = desk.ctx.store.paths_after(caller.org, asked.after.as_deref(), asked.size + 1).await?;
    let page = asked.cut(read, |path| path.id.to_string());
    Ok(Json(json!({
        "escalation_paths": page.items.iter().map(shown).collect::<Vec<_>>(),
        "pagination_meta": asked.meta(page.after.as_deref()),
    })))
}

async fn show(State(desk): Shared, caller: Caller, Id(id): Id<PathId>) -> Answer<Json<Value>> {
    let path = desk.ctx.store.path(caller.org, id, None).await?;
    let path = path.ok_or_else(|| AppError::not_found("escalation path", id))?;
    Ok(Json(json!({ "escalation_path": shown(&path) })))
}

async fn update(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id<PathId>,
    sent: Sent<PathBody>,
) -> Answer<Json<Value>> {
    let store = &desk.ctx.store;
    if store.path(caller.org, id, None).await?.is_none() {
        return Err(AppError::not_found("escalation path", id).into());
    }
    let path = app::escalation_path::save::update(
        store,
        &caller.actor,
        id,
        new_path(&desk, sent)?,
        &desk.ctx.random,
        desk.ctx.now(),
    )
    .await?;
    Ok(Json(json!({ "escalation_path": shown(&path) })))
}

async fn delete(State(desk): Shared, caller: Caller, Id(id): Id<PathId>) -> Answer<StatusCode> {
    app::escalation_path::save::delete(&desk.ctx.store, &caller.actor, id, &desk.ctx.random, desk.ctx.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A path: what was sent, with everything that a client expects there.
fn shown(path: &Path) -> Value {
    let mut shown = labelled(path.document.0.clone());
    if !shown.is_object() {
        // No client sent it: it is shown by what is done.
        shown = json!({ "path": path.levels.iter().enumerate().map(node).collect::<Vec<_>>() });
    }
    shown["id"] = json!(path.id);
    shown["name"] = json!(path.name);
    for (field, default) in
        [("kind", json!("standalone")), ("team_ids", json!([])), ("current_responders", json!([]))]
    {
        if shown.get(field).is_none() {
            shown[field] = default;
        }
    }
    shown
}

/// A level as a client would have sent it.
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
