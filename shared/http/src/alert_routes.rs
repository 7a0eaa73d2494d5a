//! Alert routes, as version 2 of the API has them.

use app::{AppError, Context};
use axum::extract::State;
use axum::response::IntoResponse;
use axum::{Json, routing};
use domain::Timestamp;
use domain::access::Permission;
use domain::alert_route::{Grouping, IncidentTemplate, Route, RouteSource};
use domain::id::{OrgId, PathId, RouteId, SourceId, UserId};
use domain::template::Binding;
use domain::text::Document;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use store::Store;

use crate::ApiError;
use crate::api::{Answer, Id, Sent, Shared, clip, guarded};
use crate::auth::Caller;
use crate::binding::{GroupBody, ValuesBody, groups, labelled, none_yet};
use crate::operation::{Operation, Resource};
use crate::page::Asked;
use crate::query::Query;

/// The most routes of a page.
const MOST: usize = 50;

/// What can be done with it.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Alert routes",
    operations: &[
        Operation::get("/v2/alert_routes", "Lists alert routes", || routing::get(list)).needs(Permission::SeeOnCall)
            .asks(&[
                ("page_size", "How many objects a page has"),
                ("after", "The id of the last object of the page before"),
            ])
            .answers(200, "{alert_routes*: [{id*: id, name*: string, enabled*: boolean}], pagination_meta*: Pagination}"),
        Operation::post("/v2/alert_routes", "Adds an alert route", || routing::post(create)).needs(Permission::ConfigureOnCall)
            .takes("AlertRoutePayload")
            .answers(201, "{alert_route*: AlertRoute}"),
        Operation::get("/v2/alert_routes/{id}", "Shows an alert route", || routing::get(show)).needs(Permission::SeeOnCall)
            .answers(200, "{alert_route*: AlertRoute}"),
        Operation::put("/v2/alert_routes/{id}", "Changes an alert route", || routing::put(update)).needs(Permission::ConfigureOnCall)
            .takes("AlertRoutePayload")
            .answers(200, "{alert_route*: AlertRoute}"),
        Operation::delete("/v2/alert_routes/{id}", "Deletes an alert route", || routing::delete(delete)).needs(Permission::ConfigureOnCall),
    ],
    shapes: &[
        (
            "AlertRoute",
            "{id*: id, version*: integer, name*: string, enabled*: boolean, \
             alert_sources*: [any], condition_groups*: [any], expressions: [any], \
             escalation_config*: any, incident_config*: any, incident_template: any, \
             channel_config: [any]}",
        ),
        (
            "AlertRoutePayload",
            "{version: integer, name*: string, enabled*: boolean, alert_sources*: [any], \
             condition_groups: [any], expressions: [any], escalation_config*: any, \
             incident_config*: any, incident_template: any, channel_config: [any]}",
        ),
    ],
};

/// The router of alert routes.
pub fn router(ctx: Context) -> axum::Router {
    guarded(RESOURCE.routes(), ctx)
}

/// What is understood of a route as it is sent; all else is kept and shown again.
#[derive(Deserialize)]
struct RouteBody {
    name: String,
    #[serde(default = "yes")]
    enabled: bool,
    alert_sources: Vec<RouteSourceBody>,
    condition_groups: Option<Vec<GroupBody>>,
    expressions: Option<Vec<Value>>,
    escalation_config: EscalationBody,
    #[serde(default)]
    incident_config: IncidentBody,
    #[serde(default)]
    incident_template: TemplateBody,
    version: Option<u64>,
}

const fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct RouteSourceBody {
    alert_source_id: SourceId,
    condition_groups: Option<Vec<GroupBody>>,
}

#[derive(Deserialize)]
struct EscalationBody {
    #[serde(default = "yes")]
    auto_cancel_escalations: bool,
    #[serde(default)]
    escalation_targets: Vec<TargetBody>,
}

#[derive(Deserialize)]
struct TargetBody {
    escalation_paths: Option<ValuesBody>,
    users: Option<ValuesBody>,
}

#[derive(Deserialize)]
struct IncidentBody {
    #[serde(default = "yes")]
    enabled: bool,
    condition_groups: Option<Vec<GroupBody>>,
    defer_time_seconds: Option<u64>,
    #[serde(default)]
    grouping_keys: Vec<KeyBody>,
    #[serde(default)]
    grouping_window_seconds: u32,
}

/// What must be the same in alerts that belong together.
#[derive(Deserialize)]
struct KeyBody {
    reference: String,
}

impl Default for IncidentBody {
    fn default() -> Self {
        Self {
            enabled: true,
            condition_groups: None,
            defer_time_seconds: None,
            grouping_keys: Vec::new(),
            grouping_window_seconds: 0,
        }
    }
}

#[derive(Deserialize, Default)]
struct TemplateBody {
    #[serde(default)]
    name: TextBody,
    summary: Option<TextBody>,
}

#[derive(Deserialize, Default)]
struct TextBody {
    binding: Option<ValuesBody>,
}

impl RouteBody {
    /// The route, if everything that was sent can be honoured.
    fn route(self, id: RouteId, document: Document) -> Answer<Route> {
        none_yet("expressions", self.expressions.as_ref())?;
        let sources = self.alert_sources.into_iter().enumerate();
        let sources = sources.map(|(n, source)| source.source(n)).collect::<Answer<_>>()?;
        let (mut paths, mut users): (Vec<PathId>, Vec<UserId>) = (Vec::new(), Vec::new());
        for (n, target) in self.escalation_config.escalation_targets.into_iter().enumerate() {
            let field = format!("escalation_config.escalation_targets.{n}");
            ids(target.escalation_paths, &format!("{field}.escalation_paths"), &mut paths)?;
            ids(target.users, &format!("{field}.users"), &mut users)?;
        }
        Ok(Route {
            id,
            version: 1,
            name: self.name,
            enabled: self.enabled,
            sources,
            conditions: groups("condition_groups", self.condition_groups.unwrap_or_default())?,
            paths,
            users,
            auto_cancel: self.escalation_config.auto_cancel_escalations,
            grouping: self.incident_config.grouping()?,
            incident: self.incident_config.template(self.incident_template)?,
            document,
        })
    }
}

impl RouteSourceBody {
    fn source(self, n: usize) -> Answer<RouteSource> {
        let field = format!("alert_sources.{n}.condition_groups");
        let conditions = groups(&field, self.condition_groups.unwrap_or_default())?;
        Ok(RouteSource { source: self.alert_source_id, conditions })
    }
}

/// Adds the ids of a target.
fn ids<T: std::str::FromStr>(values: Option<ValuesBody>, field: &str, found: &mut Vec<T>) -> Answer<()> {
    for (id, field) in values.unwrap_or_default().literals(field)? {
        let unknown =
            |_| ApiError::invalid(field.clone(), format!("There is nothing of the id `{}`", clip(&id)));
        found.push(id.parse().map_err(unknown)?);
    }
    Ok(())
}

/// The longest window: a day.
const LONGEST_WINDOW: u32 = 24 * 3600;

/// The most keys.
const MOST_KEYS: usize = 10;

impl IncidentBody {
    /// How alerts are grouped, if they are.
    fn grouping(&self) -> Answer<Option<Grouping>> {
        let window_seconds = self.grouping_window_seconds;
        if window_seconds > LONGEST_WINDOW {
            let reason = format!("A window is at most {LONGEST_WINDOW} seconds");
            return Err(ApiError::invalid("incident_config.grouping_window_seconds", reason));
        }
        if self.grouping_keys.len() > MOST_KEYS {
            let reason = format!("There are at most {MOST_KEYS} keys");
            return Err(ApiError::invalid("incident_config.grouping_keys", reason));
        }
        // Without a key, all alerts of a route would be one: that is not meant, and when in doubt, each is paged.
        if self.grouping_keys.is_empty() {
            return Ok(None);
        }
        if window_seconds == 0 {
            let reason = "Alerts are grouped within a window: it must be more than 0 seconds";
            return Err(ApiError::invalid("incident_config.grouping_window_seconds", reason));
        }
        let mut keys = Vec::new();
        for (n, key) in self.grouping_keys.iter().enumerate() {
            if key.reference.trim().is_empty() {
                return Err(ApiError::required(&format!("incident_config.grouping_keys.{n}.reference")));
            }
            keys.push(Binding::Reference(key.reference.clone()));
        }
        Ok(Some(Grouping { keys, window_seconds }))
    }

    /// The template of incidents, if there are to be any.
    fn template(self, template: TemplateBody) -> Answer<Option<IncidentTemplate>> {
        none_yet("incident_config.condition_groups", self.condition_groups.as_ref())?;
        if self.defer_time_seconds.is_some_and(|seconds| seconds > 0) {
            let reason = "An incident cannot be deferred yet: use 0";
            return Err(ApiError::invalid("incident_config.defer_time_seconds", reason));
        }
        let text = |text: TextBody, field: &str| match text.binding {
            Some(values) => values.one(&format!("incident_template.{field}.binding")),
            None => Ok(None),
        };
        let name = text(template.name, "name")?;
        let summary = text(template.summary.unwrap_or_default(), "summary")?;
        let name = name.unwrap_or_else(|| Binding::Reference("alert.title".to_owned()));
        Ok(self.enabled.then_some(IncidentTemplate { name, summary }))
    }
}

/// What is kept of what was sent: the fields that we show ourselves are not.
fn kept(document: Value, now: Timestamp) -> Answer<Document> {
    let own = ["id", "name", "enabled", "version", "created_at"];
    let mut document = Sent::<RouteBody>::kept(document, &own)?;
    document.0["updated_at"] = json!(now);
    Ok(document)
}

async fn create(State(desk): Shared, caller: Caller, sent: Sent<RouteBody>) -> Answer {
    let (ctx, now) = (&desk.ctx, desk.ctx.now());
    let route = sent.body.route(RouteId::new(now, ctx.random()), kept(sent.document, now)?)?;
    let route =
        app::alert_route::save::create(&ctx.store, &caller.actor, route, &ctx.random, ctx.now()).await?;
    Ok((StatusCode::CREATED, Json(json!({ "alert_route": shown(&route) }))).into_response())
}

async fn list(State(desk): Shared, caller: Caller, query: Query) -> Answer<Json<Value>> {
    let asked = Asked::read(&query, MOST)?;
    let read = desk.ctx.store.routes_after(caller.org, asked.after.as_deref(), asked.size + 1).await?;
    let page = asked.cut(read, |route| route.id.to_string());
    let entry = |route: &Route| json!({ "id": route.id, "name": route.name, "enabled": route.enabled });
    Ok(Json(json!({
        "alert_routes": page.items.iter().map(entry).collect::<Vec<_>>(),
        "pagination_meta": asked.meta(page.after.as_deref()),
    })))
}

async fn find(store: &Store, org: OrgId, id: RouteId) -> Answer<Route> {
    Ok(store.route(org, id).await?.ok_or_else(|| AppError::not_found("alert route", id))?)
}

async fn show(State(desk): Shared, caller: Caller, Id(id): Id<RouteId>) -> Answer<Json<Value>> {
    let route = find(&desk.ctx.store, caller.org, id).await?;
    Ok(Json(json!({ "alert_route": shown(&route) })))
}

/// Updates a route. The version is the one that the update makes: one more than that of the route.
async fn update(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id<RouteId>,
    Sent { body, document }: Sent<RouteBody>,
) -> Answer<Json<Value>> {
    let ctx = &desk.ctx;
    find(&ctx.store, caller.org, id).await?;
    let version = body.version.ok_or_else(|| ApiError::required("version"))?;
    let seen = version.checked_sub(1).ok_or_else(|| {
        ApiError::invalid(
            "version",
            "The version is the one that the update makes: one more than the route's",
        )
    })?;
    let route = body.route(id, kept(document, ctx.now())?)?;
    let route =
        app::alert_route::save::update(&ctx.store, &caller.actor, route, Some(seen), &ctx.random, ctx.now())
            .await?;
    Ok(Json(json!({ "alert_route": shown(&route) })))
}

async fn delete(State(desk): Shared, caller: Caller, Id(id): Id<RouteId>) -> Answer<StatusCode> {
    app::alert_route::save::delete(&desk.ctx.store, &caller.actor, id, &desk.ctx.random, desk.ctx.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A route: what was sent, with everything that a client expects there.
fn shown(route: &Route) -> Value {
    let mut shown = json!({
        "alert_sources": route.sources.iter().map(|entry| entry.source).map(source).collect::<Vec<_>>(),
        "channel_config": [],
        "condition_groups": [],
        "expressions": [],
        "is_private": false,
        "escalation_config": { "auto_cancel_escalations": route.auto_cancel, "escalation_targets": [] },
        "incident_config": {
            "enabled": route.incident.is_some(),
            "auto_decline_enabled": false,
            "auto_relate_grouped_alerts": false,
            "condition_groups": [],
            "defer_time_seconds": 0,
            "grouping_keys": [],
            "grouping_window_seconds": 0,
        },
        "incident_template": { "name": { "autogenerated": false } },
    });
    lay_over(&mut shown, labelled(route.document.0.clone()));
    for text in ["name", "summary"] {
        if let Some(fields) = shown["incident_template"].get_mut(text).and_then(Value::as_object_mut) {
            fields.entry("autogenerated").or_insert(json!(false));
        }
    }
    if let Some(sources) = shown["alert_sources"].as_array_mut() {
        for fields in sources.iter_mut().filter_map(Value::as_object_mut) {
            fields.entry("condition_groups").or_insert(json!([]));
        }
    }
    shown["id"] = json!(route.id);
    shown["name"] = json!(route.name);
    shown["enabled"] = json!(route.enabled);
    shown["version"] = json!(route.version);
    shown["created_at"] = json!(route.id.at());
    shown
}

fn source(id: SourceId) -> Value {
    json!({ "alert_source_id": id })
}

/// Lays what was sent over what is shown in any case.
fn lay_over(shown: &mut Value, sent: Value) {
    match (shown, sent) {
        (Value::Object(shown), Value::Object(sent)) => {
            for (name, value) in sent {
                lay_over(shown.entry(name).or_insert(Value::Null), value);
            }
        }
        // A route that no client sent keeps what is shown in any case.
        (_, Value::Null) => {}
        (shown, sent) => *shown = sent,
    }
}
