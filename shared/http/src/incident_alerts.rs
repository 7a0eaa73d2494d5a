//! Incident alerts: which alerts belong to which incidents.

use app::AppError;
use app::incident::seen;
use axum::extract::{Path, State};
use axum::{Json, routing};
use domain::access::Permission;
use domain::alert::Alert;
use domain::id::{AlertId, IncidentId};
use domain::incident::Incident;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Order, Store};

use crate::ApiError;
use crate::api::{ApiResult, JsonBody, SharedState, clip, optional_id, required_id};
use crate::auth::Caller;
use crate::operation::{AFTER, Operation, PAGE_SIZE, Resource};
use crate::page::{IndexScan, ListPage, PageRequest, PaginationView};
use crate::query::{Query, Span};
use crate::slim::{AlertSlimView, IncidentSlimView};

/// The most incident alerts of a page.
const MAX_PAGE: usize = 50;
/// The most alerts of one incident that are read, newest first.
const MAX_OF_INCIDENT: usize = 1000;

/// The operations on incident alerts.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Incident alerts",
    operations: &[
        Operation::get(
            "/v2/incident_alerts",
            "Lists which alerts belong to which incidents, newest first",
            || routing::get(list),
        )
        .needs(Permission::SeeOnCall)
        .query(&[
            ("incident_id", "Alerts of this incident. Only its newest 1,000 alerts are listed"),
            ("alert_id", "The incident of this alert"),
            PAGE_SIZE,
            AFTER,
        ])
        .reply::<IncidentAlertListReply>(200),
        Operation::post("/v2/incident_alerts", "Adds an alert to an incident", || routing::post(create))
            .needs(Permission::Respond)
            .body::<IncidentAlertPayload>()
            .reply::<IncidentAlertReply>(201),
        Operation::post(
            "/v2/incident_alerts/{id}/actions/transition",
            "Removes an alert from an incident, or adds it again",
            || routing::post(transition),
        )
        .needs(Permission::Respond)
        .body::<TransitionPayload>()
        .reply::<IncidentAlertReply>(200),
    ],
};

/// An alert and the incident to which it belongs, or belonged.
#[derive(Serialize, JsonSchema)]
struct IncidentAlertView {
    /// The id, which is made from both ids.
    id: String,
    /// The alert.
    alert: AlertSlimView,
    /// The incident.
    incident: IncidentSlimView,
}

impl IncidentAlertView {
    async fn load(store: &Store, alert: &Alert, incident: &Incident) -> ApiResult<Self> {
        let body = store.alert_body(alert.org, alert.id).await?;
        let body = body.ok_or_else(|| AppError::not_found("alert", alert.id))?;
        Ok(Self {
            id: id(incident.id, alert.id),
            alert: AlertSlimView::new(alert, &body),
            incident: incident.into(),
        })
    }
}

/// A reply with an incident alert.
#[derive(Serialize, JsonSchema)]
struct IncidentAlertReply {
    incident_alert: IncidentAlertView,
}

/// A reply with a page of incident alerts.
#[derive(Serialize, JsonSchema)]
struct IncidentAlertListReply {
    incident_alerts: Vec<IncidentAlertView>,
    pagination_meta: PaginationView,
}

/// An alert to add to an incident.
#[derive(Deserialize, JsonSchema)]
struct IncidentAlertPayload {
    /// The id of the alert.
    #[schemars(length(min = 1))]
    alert_id: String,
    /// The id of the incident.
    #[schemars(length(min = 1))]
    incident_id: String,
    /// Whether the alert is added even if it was removed from the incident before.
    #[serde(default)]
    re_relate: bool,
}

/// The state to which an incident alert changes.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "IncidentAlertTransitionPayload")]
struct TransitionPayload {
    /// `related` adds the alert to the incident, `unrelated` removes it.
    #[schemars(extend("enum" = ["related", "unrelated"]))]
    state: String,
}

async fn list(
    State(api): SharedState,
    caller: Caller,
    query: Query,
) -> ApiResult<Json<IncidentAlertListReply>> {
    let store = &api.ctx.store;
    let after = query.one("after").map(|after| ids_of(after).ok_or_else(bad_cursor)).transpose()?;
    let page = PageRequest {
        after: after.map(|(_, alert)| alert.to_string()),
        ..PageRequest::read(&query.without("after"), MAX_PAGE)?
    };
    let text = |name: &str| query.one(name).map(str::to_owned);
    let incident = optional_id::<IncidentId>("incident", "incident_id", text("incident_id"))?;
    let alert = optional_id::<AlertId>("alert", "alert_id", text("alert_id"))?;
    let found = match (alert, incident) {
        (Some(id), incident) => {
            let one = store
                .alert(caller.org, id)
                .await?
                .filter(|one| incident.is_none_or(|i| one.incident == Some(i)));
            ListPage { items: one.into_iter().collect(), after: None }
        }
        (None, Some(incident)) => alerts_of(store, &caller, incident, &page).await?,
        (None, None) => {
            let scan =
                IndexScan { page: page.clone(), order: Order::Newest, created: Span::ALL, filtered: true };
            scan.run(
                |before, most| async move { store.list_alerts(caller.org, before.as_deref(), most).await },
                async |listed| {
                    let Ok(id) = listed.id.parse() else { return Ok(None) };
                    let alert = store.alert(caller.org, id).await?;
                    Ok(alert.filter(|alert| alert.incident.is_some()))
                },
            )
            .await?
        }
    };
    let mut incident_alerts = Vec::new();
    for alert in &found.items {
        incident_alerts.extend(visible(store, &caller, alert).await?);
    }
    let after =
        found.after.as_ref().zip(found.items.last()).and_then(|(_, last)| Some(id(last.incident?, last.id)));
    Ok(Json(IncidentAlertListReply { incident_alerts, pagination_meta: page.meta(after) }))
}

/// The alerts of an incident, newest first.
async fn alerts_of(
    store: &Store,
    caller: &Caller,
    id: IncidentId,
    page: &PageRequest,
) -> ApiResult<ListPage<Alert>> {
    let unknown = || ApiError::invalid("incident_id", format!("There is no incident with the id `{id}`"));
    let incident = store
        .incident(caller.org, id)
        .await?
        .filter(|one| one.is_seen_by(&caller.actor))
        .ok_or_else(unknown)?;
    let mut ids = store.attached_alerts(caller.org, id, MAX_OF_INCIDENT).await?;
    ids.extend(incident.alert);
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids.dedup();
    let from = page.after.as_ref().and_then(|after| after.parse::<AlertId>().ok());
    let mut found = Vec::new();
    for id in ids.into_iter().filter(|id| from.is_none_or(|from| *id < from)) {
        found.extend(store.alert(caller.org, id).await?.filter(|alert| alert.incident == Some(incident.id)));
        if found.len() > page.size {
            break;
        }
    }
    Ok(page.cut(found, |alert| alert.id.to_string()))
}

/// An alert with its incident; `None` if it has no incident or the caller does not see that.
async fn visible(store: &Store, caller: &Caller, alert: &Alert) -> ApiResult<Option<IncidentAlertView>> {
    let Some(id) = alert.incident else { return Ok(None) };
    let incident = store.incident(caller.org, id).await?;
    if seen::hides(Some(id), incident.as_ref(), &caller.actor) {
        return Ok(None);
    }
    match incident {
        Some(incident) => Ok(Some(IncidentAlertView::load(store, alert, &incident).await?)),
        None => Ok(None),
    }
}

async fn create(
    State(api): SharedState,
    caller: Caller,
    JsonBody { body, .. }: JsonBody<IncidentAlertPayload>,
) -> ApiResult<(StatusCode, Json<IncidentAlertReply>)> {
    let store = &api.ctx.store;
    let alert: AlertId = required_id("alert", "alert_id", Some(body.alert_id))?;
    let incident: IncidentId = required_id("incident", "incident_id", Some(body.incident_id))?;
    let related = app::alert::relate::relate(store, &caller.actor, (alert, incident), body.re_relate).await;
    let (alert, incident) = related.map_err(|error| match error {
        AppError::NotFound { kind, id } => {
            ApiError::invalid(format!("{kind}_id"), format!("There is no {kind} with the id `{id}`"))
        }
        error => error.into(),
    })?;
    let incident_alert = IncidentAlertView::load(store, &alert, &incident).await?;
    Ok((StatusCode::CREATED, Json(IncidentAlertReply { incident_alert })))
}

async fn transition(
    State(api): SharedState,
    caller: Caller,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
    JsonBody { body, .. }: JsonBody<TransitionPayload>,
) -> ApiResult<Json<IncidentAlertReply>> {
    let store = &api.ctx.store;
    let Path(text) = path.map_err(|_| ApiError::not_found("The path does not hold an id"))?;
    let ids = ids_of(&text);
    let (incident, alert) = ids.ok_or_else(|| {
        ApiError::not_found(format!("There is no incident alert with the id `{}`", clip(&text)))
    })?;
    let (alert, incident) = match body.state.as_str() {
        "related" => app::alert::relate::relate(store, &caller.actor, (alert, incident), true).await?,
        "unrelated" => app::alert::relate::unrelate(store, &caller.actor, (alert, incident)).await?,
        _ => return Err(ApiError::invalid("state", "The state is not valid: use `related` or `unrelated`")),
    };
    Ok(Json(IncidentAlertReply { incident_alert: IncidentAlertView::load(store, &alert, &incident).await? }))
}

/// The id of an incident alert, made from both ids.
fn id(incident: IncidentId, alert: AlertId) -> String {
    format!("{incident}-{alert}")
}

/// The ids in the id of an incident alert; `None` if it is malformed.
fn ids_of(text: &str) -> Option<(IncidentId, AlertId)> {
    let (incident, alert) = text.split_once('-')?;
    Some((incident.parse().ok()?, alert.parse().ok()?))
}

fn bad_cursor() -> ApiError {
    ApiError::invalid("after", "The cursor is not valid: use the id of the last object of the previous page")
}
