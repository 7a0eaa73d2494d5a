//! A preview of the alerts that a configuration would create (Firebell extension).

use app::alert::preview::{AlertPreview, PreviewRequest, PreviewedEscalation};
use axum::Json;
use axum::extract::State;
use domain::alert::Routing;
use domain::id::{AlertId, PathId, RouteId, SourceId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::to_raw_value;

use super::AlertSourcePayload;
use crate::ApiError;
use crate::alerts::AlertAttributeEntryView;
use crate::api::{ApiResult, JsonBody, SharedState, typed};
use crate::auth::Caller;
use crate::schema::Id;

/// A configuration of an alert source, and the events to preview.
#[derive(JsonSchema)]
#[expect(
    dead_code,
    reason = "it describes a body that is read in two parts, so that errors name their fields"
)]
pub(super) struct AlertSourcePreviewPayload {
    #[serde(flatten)]
    source: AlertSourcePayload,
    #[serde(flatten)]
    events: PreviewedEvents,
}

/// The events to preview: a payload, or the last events of an alert source.
#[derive(Deserialize, JsonSchema)]
struct PreviewedEvents {
    /// The payload, as a sender would deliver it.
    payload: Option<Value>,
    /// The alert source whose last events are previewed if there is no payload.
    alert_source_id: Option<Id<SourceId>>,
}

/// A reply with the alerts that would be created.
#[derive(Serialize, JsonSchema)]
pub(super) struct PreviewReply {
    alerts: Vec<AlertPreviewView>,
}

/// An alert that would be created.
#[derive(Serialize, JsonSchema)]
struct AlertPreviewView {
    /// The alert whose event was evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    alert_id: Option<Id<AlertId>>,
    /// Whether the filter holds the event back.
    filtered: bool,
    /// The title.
    title: String,
    /// The description.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Whether the event fires or resolves an alert.
    #[schemars(extend("enum" = ["firing", "resolved"]))]
    status: &'static str,
    /// The deduplication key.
    deduplication_key: String,
    /// The address of the alert in the system that sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    source_url: Option<String>,
    /// The priority.
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<String>,
    /// The values of attributes.
    attributes: Vec<AlertAttributeEntryView>,
    /// The rules that could not be evaluated.
    problems: Vec<String>,
    /// The result of routing: `routed`, `unrouted` or `fallback`. Absent if the event resolves an alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    routing: Option<Routing>,
    /// The alert routes that would take the alert.
    alert_routes: Vec<RouteNameView>,
    /// The escalations that would start.
    escalations: Vec<EscalationPreviewView>,
    /// The name of the incident that would be opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    incident_name: Option<String>,
}

/// An alert route by its name.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct RouteNameView {
    id: Id<RouteId>,
    name: String,
}

/// An escalation that would start.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct EscalationPreviewView {
    /// The escalation path. Absent if people are notified directly.
    #[serde(skip_serializing_if = "Option::is_none")]
    escalation_path_id: Option<Id<PathId>>,
    /// The levels, in order.
    levels: Vec<LevelPreviewView>,
}

/// A level of an escalation that would start.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct LevelPreviewView {
    /// The people who would be notified.
    users: Vec<UserNameView>,
}

/// A person by their name.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct UserNameView {
    id: Id<UserId>,
    name: String,
}

impl From<AlertPreview> for AlertPreviewView {
    fn from(previewed: AlertPreview) -> Self {
        let AlertPreview { alert, status, filtered, body, routing, routes, notifications, incident } =
            previewed;
        Self {
            alert_id: alert.map(Id),
            filtered,
            attributes: body.attributes.iter().map(AlertAttributeEntryView::from).collect(),
            title: body.title,
            description: body.description,
            status: status.name(),
            deduplication_key: body.deduplication_key,
            source_url: body.source_url,
            priority: body.priority,
            problems: body.problems,
            routing,
            alert_routes: routes.into_iter().map(|(id, name)| RouteNameView { id: Id(id), name }).collect(),
            escalations: notifications.into_iter().map(EscalationPreviewView::from).collect(),
            incident_name: incident,
        }
    }
}

impl From<PreviewedEscalation> for EscalationPreviewView {
    fn from(PreviewedEscalation { path, levels }: PreviewedEscalation) -> Self {
        let level = |people: Vec<(UserId, String)>| LevelPreviewView {
            users: people.into_iter().map(|(id, name)| UserNameView { id: Id(id), name }).collect(),
        };
        Self { escalation_path_id: path.map(Id), levels: levels.into_iter().map(level).collect() }
    }
}

/// Previews alerts. Nothing is stored.
pub(super) async fn preview(
    State(api): SharedState,
    caller: Caller,
    JsonBody { body, document }: JsonBody<AlertSourcePayload>,
) -> ApiResult<Json<PreviewReply>> {
    let ctx = &api.ctx;
    let PreviewedEvents { payload, alert_source_id } = typed(&document)?;
    let source = alert_source_id.map(|Id(id)| id);
    let kind = match (&body.source_type, source) {
        (None, Some(id)) => Some(super::find(&ctx.store, caller.org, id).await?.kind),
        (kind, _) => kind.clone(),
    };
    let unreadable = |_| ApiError::invalid("payload", "The payload cannot be read");
    let trial = PreviewRequest {
        template: body.template(kind.as_ref())?,
        intake: body.intake()?,
        kind,
        source,
        payload: payload.as_ref().map(to_raw_value).transpose().map_err(unreadable)?,
    };
    let previewed =
        app::alert::preview::preview(&ctx.store, &caller.actor, trial, &ctx.random, ctx.now()).await?;
    Ok(Json(PreviewReply { alerts: previewed.into_iter().map(AlertPreviewView::from).collect() }))
}
