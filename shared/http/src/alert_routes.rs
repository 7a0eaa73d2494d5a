//! Alert routes, as version 2 of incident.io's API has them.

use app::{AppError, Context};
use axum::extract::State;
use axum::{Json, routing};
use domain::Timestamp;
use domain::access::Permission;
use domain::alert_route::{Grouping, IncidentTemplate, Route, RouteSource};
use domain::id::{OrgId, PathId, RouteId, SourceId, UserId};
use domain::template::Binding;
use domain::text::Document;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::Store;

use crate::ApiError;
use crate::api::{ApiResult, JsonBody, SharedState, clip, guarded, stored_document};
use crate::auth::Caller;
use crate::binding::{ConditionGroupPayload, ValuesPayload, groups, labelled, unsupported};
use crate::documents::AlertRouteDocument;
use crate::operation::{AFTER, Operation, PAGE_SIZE, Resource};
use crate::page::{PageRequest, PaginationView};
use crate::query::Query;
use crate::schema::{Id, Time};

/// The most alert routes of a page.
const MAX_PAGE: usize = 50;

/// The operations on alert routes.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Alert routes",
    operations: &[
        Operation::get("/v2/alert_routes", "Lists alert routes", || routing::get(list))
            .needs(Permission::SeeOnCall)
            .query(&[PAGE_SIZE, AFTER])
            .reply::<AlertRouteListReply>(200),
        Operation::post("/v2/alert_routes", "Creates an alert route", || routing::post(create))
            .needs(Permission::ConfigureOnCall)
            .body::<AlertRoutePayload>()
            .reply::<AlertRouteReply>(201),
        Operation::get("/v2/alert_routes/{id}", "Shows an alert route", || routing::get(show))
            .needs(Permission::SeeOnCall)
            .reply::<AlertRouteReply>(200),
        Operation::put("/v2/alert_routes/{id}", "Updates an alert route", || routing::put(update))
            .needs(Permission::ConfigureOnCall)
            .body::<AlertRoutePayload>()
            .reply::<AlertRouteReply>(200),
        Operation::delete("/v2/alert_routes/{id}", "Deletes an alert route", || routing::delete(delete))
            .needs(Permission::ConfigureOnCall),
    ],
};

/// The router of alert routes.
pub fn router(ctx: Context) -> axum::Router {
    guarded(RESOURCE.routes(), ctx)
}

/// An alert route. Fields of the request that Firebell does not know are shown as they were sent.
#[derive(Serialize, JsonSchema)]
struct AlertRouteView {
    /// The id.
    id: Id<RouteId>,
    /// The version. An update sends the next version.
    #[schemars(with = "i64")]
    version: u64,
    /// The name.
    name: String,
    /// Whether the route takes alerts.
    enabled: bool,
    /// When the route was created.
    created_at: Time,
    #[serde(flatten)]
    #[schemars(with = "AlertRouteDocument")]
    document: Map<String, Value>,
}

/// An alert route in a list.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct AlertRouteEntryView {
    /// The id.
    id: Id<RouteId>,
    /// The name.
    name: String,
    /// Whether the route takes alerts.
    enabled: bool,
}

/// A reply with an alert route.
#[derive(Serialize, JsonSchema)]
struct AlertRouteReply {
    alert_route: AlertRouteView,
}

/// A reply with a page of alert routes.
#[derive(Serialize, JsonSchema)]
struct AlertRouteListReply {
    alert_routes: Vec<AlertRouteEntryView>,
    pagination_meta: PaginationView,
}

/// An alert route to create or update. Fields that are not listed here are stored and shown again.
#[derive(Deserialize, JsonSchema)]
struct AlertRoutePayload {
    /// The name.
    name: String,
    /// Whether the route takes alerts.
    #[serde(default = "yes")]
    enabled: bool,
    /// The alert sources whose alerts the route takes.
    alert_sources: Vec<RouteSourcePayload>,
    /// The conditions under which the route takes an alert.
    condition_groups: Option<Vec<ConditionGroupPayload>>,
    /// Not supported yet: leave it empty.
    expressions: Option<Vec<Value>>,
    /// Whom the route notifies.
    escalation_config: EscalationConfigPayload,
    /// The incidents that the route opens.
    #[serde(default)]
    incident_config: IncidentConfigPayload,
    /// How these incidents are named.
    #[serde(default)]
    incident_template: IncidentTemplatePayload,
    /// The version that the update makes: the version of the route plus 1. Required for an update.
    version: Option<u64>,
}

const fn yes() -> bool {
    true
}

/// An alert source of an alert route.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
struct RouteSourcePayload {
    /// The id of the alert source.
    alert_source_id: Id<SourceId>,
    /// The conditions under which the route takes an alert of this source.
    condition_groups: Option<Vec<ConditionGroupPayload>>,
}

/// Whom an alert route notifies.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
struct EscalationConfigPayload {
    /// Whether an escalation is cancelled when its alert is resolved.
    #[serde(default = "yes")]
    auto_cancel_escalations: bool,
    /// The escalation paths and people.
    #[serde(default)]
    escalation_targets: Vec<RouteTargetPayload>,
}

/// Escalation paths or people.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
struct RouteTargetPayload {
    /// The ids of escalation paths.
    escalation_paths: Option<ValuesPayload>,
    /// The ids of people.
    users: Option<ValuesPayload>,
}

/// The incidents that an alert route opens.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
struct IncidentConfigPayload {
    /// Whether the route opens incidents.
    #[serde(default = "yes")]
    enabled: bool,
    /// Not supported yet: leave it empty.
    condition_groups: Option<Vec<ConditionGroupPayload>>,
    /// Only 0 is supported.
    defer_time_seconds: Option<u64>,
    /// The references whose values are the same in alerts of one group.
    #[serde(default)]
    grouping_keys: Vec<GroupingKeyPayload>,
    /// The seconds within which alerts are grouped.
    #[serde(default)]
    grouping_window_seconds: u32,
}

/// A reference whose value is the same in alerts of one group.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
struct GroupingKeyPayload {
    /// Where the value is found.
    reference: String,
}

impl Default for IncidentConfigPayload {
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

/// How incidents are named.
#[derive(Deserialize, JsonSchema, Default)]
#[schemars(inline)]
struct IncidentTemplatePayload {
    /// The name. The default is the title of the alert.
    #[serde(default)]
    name: IncidentTextPayload,
    /// The summary.
    summary: Option<IncidentTextPayload>,
}

/// A text of an incident.
#[derive(Deserialize, JsonSchema, Default)]
#[schemars(inline)]
struct IncidentTextPayload {
    /// The text.
    binding: Option<ValuesPayload>,
}

impl AlertRoutePayload {
    /// The route.
    ///
    /// # Errors
    /// [`ApiError`] that names the field that is not supported.
    fn route(self, id: RouteId, document: Document) -> ApiResult<Route> {
        unsupported("expressions", self.expressions.as_ref())?;
        let sources = self.alert_sources.into_iter().enumerate();
        let sources = sources.map(|(n, source)| source.source(n)).collect::<ApiResult<_>>()?;
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

impl RouteSourcePayload {
    fn source(self, n: usize) -> ApiResult<RouteSource> {
        let field = format!("alert_sources.{n}.condition_groups");
        let conditions = groups(&field, self.condition_groups.unwrap_or_default())?;
        Ok(RouteSource { source: self.alert_source_id.0, conditions })
    }
}

/// Adds the ids of a target.
///
/// # Errors
/// [`ApiError`] that names the field whose value is not an id.
fn ids<T: std::str::FromStr>(
    values: Option<ValuesPayload>,
    field: &str,
    found: &mut Vec<T>,
) -> ApiResult<()> {
    for (id, field) in values.unwrap_or_default().literals(field)? {
        let unknown =
            |_| ApiError::invalid(field.clone(), format!("There is no object with the id `{}`", clip(&id)));
        found.push(id.parse().map_err(unknown)?);
    }
    Ok(())
}

/// The longest window in which alerts are grouped, in seconds: a day.
const MAX_WINDOW_SECONDS: u32 = 24 * 3600;

/// The most grouping keys.
const MAX_KEYS: usize = 10;

impl IncidentConfigPayload {
    /// How alerts are grouped; `None` if they are not.
    ///
    /// # Errors
    /// [`ApiError`] that names the field with an invalid value.
    fn grouping(&self) -> ApiResult<Option<Grouping>> {
        let window_seconds = self.grouping_window_seconds;
        if window_seconds > MAX_WINDOW_SECONDS {
            let reason = format!("The window is too long: at most {MAX_WINDOW_SECONDS} seconds are allowed");
            return Err(ApiError::invalid("incident_config.grouping_window_seconds", reason));
        }
        if self.grouping_keys.len() > MAX_KEYS {
            let reason = format!("There are too many keys: at most {MAX_KEYS} are allowed");
            return Err(ApiError::invalid("incident_config.grouping_keys", reason));
        }
        // Without a key, all alerts of a route would be one group. That is not meant, so that each alert is notified.
        if self.grouping_keys.is_empty() {
            return Ok(None);
        }
        if window_seconds == 0 {
            let reason = "Alerts with grouping keys need a window: use more than 0 seconds";
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

    /// The template of incidents; `None` if the route opens none.
    ///
    /// # Errors
    /// [`ApiError`] that names the field that is not supported.
    fn template(self, template: IncidentTemplatePayload) -> ApiResult<Option<IncidentTemplate>> {
        unsupported("incident_config.condition_groups", self.condition_groups.as_ref())?;
        if self.defer_time_seconds.is_some_and(|seconds| seconds > 0) {
            let reason = "Deferring incidents is not supported yet: use 0";
            return Err(ApiError::invalid("incident_config.defer_time_seconds", reason));
        }
        let text = |text: IncidentTextPayload, field: &str| match text.binding {
            Some(values) => values.one(&format!("incident_template.{field}.binding")),
            None => Ok(None),
        };
        let name = text(template.name, "name")?;
        let summary = text(template.summary.unwrap_or_default(), "summary")?;
        let name = name.unwrap_or_else(|| Binding::Reference("alert.title".to_owned()));
        Ok(self.enabled.then_some(IncidentTemplate { name, summary }))
    }
}

/// The document that is stored with a route. It does not hold the fields that Firebell shows itself.
///
/// # Errors
/// [`ApiError`] if the document is too large.
fn route_document(document: Value, now: Timestamp) -> ApiResult<Document> {
    let own = ["id", "name", "enabled", "version", "created_at"];
    let mut document = stored_document(document, &own)?;
    document.0["updated_at"] = json!(now);
    Ok(document)
}

async fn create(
    State(api): SharedState,
    caller: Caller,
    JsonBody { body, document }: JsonBody<AlertRoutePayload>,
) -> ApiResult<(StatusCode, Json<AlertRouteReply>)> {
    let (ctx, now) = (&api.ctx, api.ctx.now());
    let route = body.route(RouteId::new(now, ctx.random()), route_document(document, now)?)?;
    let route =
        app::alert_route::save::create(&ctx.store, &caller.actor, route, &ctx.random, ctx.now()).await?;
    Ok((StatusCode::CREATED, Json(AlertRouteReply { alert_route: (&route).into() })))
}

async fn list(State(api): SharedState, caller: Caller, query: Query) -> ApiResult<Json<AlertRouteListReply>> {
    let page = PageRequest::read(&query, MAX_PAGE)?;
    let read = api.ctx.store.routes_after(caller.org, page.after.as_deref(), page.size + 1).await?;
    let found = page.cut(read, |route| route.id.to_string());
    let entry =
        |route: Route| AlertRouteEntryView { id: Id(route.id), name: route.name, enabled: route.enabled };
    Ok(Json(AlertRouteListReply {
        alert_routes: found.items.into_iter().map(entry).collect(),
        pagination_meta: page.meta(found.after),
    }))
}

async fn find(store: &Store, org: OrgId, id: RouteId) -> ApiResult<Route> {
    Ok(store.route(org, id).await?.ok_or_else(|| AppError::not_found("alert route", id))?)
}

async fn show(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<RouteId>,
) -> ApiResult<Json<AlertRouteReply>> {
    let route = find(&api.ctx.store, caller.org, id).await?;
    Ok(Json(AlertRouteReply { alert_route: (&route).into() }))
}

/// Updates a route. The client sends the version that the update makes: the version of the route plus 1.
async fn update(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<RouteId>,
    JsonBody { body, document }: JsonBody<AlertRoutePayload>,
) -> ApiResult<Json<AlertRouteReply>> {
    let ctx = &api.ctx;
    find(&ctx.store, caller.org, id).await?;
    let version = body.version.ok_or_else(|| ApiError::required("version"))?;
    let seen = version.checked_sub(1).ok_or_else(|| {
        ApiError::invalid("version", "The version is not valid: send the version of the route plus 1")
    })?;
    let route = body.route(id, route_document(document, ctx.now())?)?;
    let route =
        app::alert_route::save::update(&ctx.store, &caller.actor, route, Some(seen), &ctx.random, ctx.now())
            .await?;
    Ok(Json(AlertRouteReply { alert_route: (&route).into() }))
}

async fn delete(State(api): SharedState, caller: Caller, Id(id): Id<RouteId>) -> ApiResult<StatusCode> {
    app::alert_route::save::delete(&api.ctx.store, &caller.actor, id, &api.ctx.random, api.ctx.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<&Route> for AlertRouteView {
    /// The document that the client sent, over the defaults of the fields that clients expect.
    fn from(route: &Route) -> Self {
        let sources: Vec<Value> =
            route.sources.iter().map(|entry| json!({ "alert_source_id": entry.source })).collect();
        let mut shown = json!({
            "alert_sources": sources,
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
        let mut document = match shown {
            Value::Object(document) => document,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Map::new()
            }
        };
        let own = ["id", "version", "name", "enabled", "created_at"];
        document.retain(|field, _| !own.contains(&field.as_str()));
        Self {
            id: Id(route.id),
            version: route.version,
            name: route.name.clone(),
            enabled: route.enabled,
            created_at: Time(route.id.at()),
            document,
        }
    }
}

/// Lays a document over the defaults.
fn lay_over(shown: &mut Value, sent: Value) {
    match (shown, sent) {
        (Value::Object(shown), Value::Object(sent)) => {
            for (name, value) in sent {
                lay_over(shown.entry(name).or_insert(Value::Null), value);
            }
        }
        // A route that was not created by a client has no document.
        (_, Value::Null) => {}
        (shown, sent) => *shown = sent,
    }
}
