//! Which alerts belong to which incidents.

use app::AppError;
use app::incident::seen;
use axum::extract::{Path, State};
use axum::{Json, routing};
use domain::access::Permission;
use domain::alert::Alert;
use domain::id::{AlertId, IncidentId};
use domain::incident::Incident;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use store::{Order, Store};

use crate::ApiError;
use crate::alerts;
use crate::api::{Answer, Sent, Shared};
use crate::auth::Caller;
use crate::incidents::{self, chosen};
use crate::operation::{Operation, Resource};
use crate::page::{Asked, Found, Scan};
use crate::query::{Query, Span};

/// The most of a page.
const MOST: usize = 50;
/// The newest alerts of an incident that are looked at.
const MOST_OF_ONE: usize = 1000;

/// What can be done with it.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Incident alerts",
    operations: &[
        Operation::get(
            "/v2/incident_alerts",
            "Lists which alerts belong to which incidents, the newest first",
            || routing::get(list),
        )
        .needs(Permission::SeeOnCall)
        .asks(&[
            ("incident_id", "Of this incident: of its newest 1,000 alerts"),
            ("alert_id", "Of this alert"),
            ("page_size", "How many objects a page has"),
            ("after", "The id of the last object of the page before"),
        ])
        .answers(200, "{incident_alerts*: [IncidentAlert], pagination_meta*: Pagination}"),
        Operation::post("/v2/incident_alerts", "Has an alert belong to an incident", || {
            routing::post(create)
        })
        .needs(Permission::Respond)
        .takes("{alert_id*: id, incident_id*: id, re_relate: boolean}")
        .answers(201, "{incident_alert*: IncidentAlert}"),
        Operation::post(
            "/v2/incident_alerts/{id}/actions/transition",
            "Takes an alert out of an incident, or has it belong again",
            || routing::post(transition),
        )
        .needs(Permission::Respond)
        .takes("{state*: related|unrelated}")
        .answers(200, "{incident_alert*: IncidentAlert}"),
    ],
    shapes: &[
        ("IncidentAlert", "{id*: string, alert*: AlertSlim, incident*: IncidentSlim}"),
        (
            "AlertSlim",
            "{id*: id, alert_source_id*: id, title*: string, description: string, status*: firing|resolved, \
             deduplication_key*: string, source_url: string, alert_group_ids*: [id], created_at*: time, \
             updated_at*: time, resolved_at: time}",
        ),
        (
            "IncidentSlim",
            "{id*: id, external_id*: integer, reference*: string, name*: string, summary: string, \
             status_category*: string, visibility*: public|private}",
        ),
    ],
};

/// That an alert is to belong to an incident, as it is sent.
#[derive(Deserialize)]
struct RelationBody {
    alert_id: String,
    incident_id: String,
    #[serde(default)]
    re_relate: bool,
}

/// Whether it is to, as it is sent.
#[derive(Deserialize)]
struct TransitionBody {
    state: String,
}

async fn list(State(desk): Shared, caller: Caller, query: Query) -> Answer<Json<Value>> {
    let store = &desk.ctx.store;
    let after = query.one("after").map(|after| id_of(after).map(|(_, alert)| alert)).transpose()?;
    let asked =
        Asked { after: after.map(|id| id.to_string()), ..Asked::read(&query.without("after"), MOST)? };
    let text = |name: &str| query.one(name).map(str::to_owned);
    let incident = chosen::<IncidentId>("incident", "incident_id", text("incident_id"))?;
    let alert = chosen::<AlertId>("alert", "alert_id", text("alert_id"))?;
    let page = match (alert, incident) {
        (Some(id), incident) => {
            let one = store
                .alert(caller.org, id)
                .await?
                .filter(|one| incident.is_none_or(|i| one.incident == Some(i)));
            Found { items: one.into_iter().collect(), after: None }
        }
        (None, Some(incident)) => of_incident(store, &caller, incident, &asked).await?,
        (None, None) => {
            let scan = Scan { asked: asked.clone(), order: Order::Newest, made: Span::ALL, filtered: true };
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
    let mut shown = Vec::new();
    for alert in &page.items {
        shown.extend(related(store, &caller, alert).await?);
    }
    let after =
        page.after.as_ref().zip(page.items.last()).and_then(|(_, last)| Some(id(last.incident?, last.id)));
    Ok(Json(json!({ "incident_alerts": shown, "pagination_meta": asked.meta(after.as_deref()) })))
}

/// The alerts of one incident, the newest first.
async fn of_incident(store: &Store, caller: &Caller, id: IncidentId, asked: &Asked) -> Answer<Found<Alert>> {
    let gone = || ApiError::invalid("incident_id", format!("There is no incident `{id}`"));
    let incident =
        store.incident(caller.org, id).await?.filter(|one| one.is_seen_by(&caller.actor)).ok_or_else(gone)?;
    let mut ids = store.attached_alerts(caller.org, id, MOST_OF_ONE).await?;
    ids.extend(incident.alert);
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids.dedup();
    let from = asked.after.as_ref().and_then(|after| after.parse::<AlertId>().ok());
    let mut found = Vec::new();
    for id in ids.into_iter().filter(|id| from.is_none_or(|from| *id < from)) {
        found.extend(store.alert(caller.org, id).await?.filter(|alert| alert.incident == Some(incident.id)));
        if found.len() > asked.size {
            break;
        }
    }
    Ok(asked.cut(found, |alert| alert.id.to_string()))
}

/// An alert with the incident that it belongs to, unless that is not seen.
async fn related(store: &Store, caller: &Caller, alert: &Alert) -> Answer<Option<Value>> {
    let Some(id) = alert.incident else { return Ok(None) };
    let incident = store.incident(caller.org, id).await?;
    if seen::hides(Some(id), incident.as_ref(), &caller.actor) {
        return Ok(None);
    }
    match incident {
        Some(incident) => Ok(Some(shown(store, alert, &incident).await?)),
        None => Ok(None),
    }
}

async fn create(
    State(desk): Shared,
    caller: Caller,
    Sent { body, .. }: Sent<RelationBody>,
) -> Answer<(StatusCode, Json<Value>)> {
    let store = &desk.ctx.store;
    let alert = chosen::<AlertId>("alert", "alert_id", Some(body.alert_id))?
        .ok_or_else(|| ApiError::required("alert_id"))?;
    let incident = chosen::<IncidentId>("incident", "incident_id", Some(body.incident_id))?;
    let incident = incident.ok_or_else(|| ApiError::required("incident_id"))?;
    let related = app::alert::relate::relate(store, &caller.actor, (alert, incident), body.re_relate).await;
    let (alert, incident) = related.map_err(|error| match error {
        AppError::NotFound { kind, .. } => {
            ApiError::invalid(format!("{kind}_id"), format!("There is no such {kind}"))
        }
        error => error.into(),
    })?;
    let shown = shown(store, &alert, &incident).await?;
    Ok((StatusCode::CREATED, Json(json!({ "incident_alert": shown }))))
}

async fn transition(
    State(desk): Shared,
    caller: Caller,
    Path(id): Path<String>,
    Sent { body, .. }: Sent<TransitionBody>,
) -> Answer<Json<Value>> {
    let store = &desk.ctx.store;
    let (incident, alert) = id_of(&id).map_err(|_| ApiError::not_found("There is no such incident alert"))?;
    let (alert, incident) = match body.state.as_str() {
        "related" => app::alert::relate::relate(store, &caller.actor, (alert, incident), true).await?,
        "unrelated" => app::alert::relate::unrelate(store, &caller.actor, (alert, incident)).await?,
        _ => return Err(ApiError::invalid("state", "An alert is `related` to an incident, or `unrelated`")),
    };
    Ok(Json(json!({ "incident_alert": shown(store, &alert, &incident).await? })))
}

/// What says that an alert belongs to an incident, by its id: both of theirs.
fn id(incident: IncidentId, alert: AlertId) -> String {
    format!("{incident}-{alert}")
}

/// The ids in such an id.
fn id_of(text: &str) -> Answer<(IncidentId, AlertId)> {
    let ids = text
        .split_once('-')
        .and_then(|(incident, alert)| Some((incident.parse().ok()?, alert.parse().ok()?)));
    ids.ok_or_else(|| ApiError::invalid("after", "A cursor is the id of the last object of the page before"))
}

/// That an alert belongs, or belonged, to an incident.
async fn shown(store: &Store, alert: &Alert, incident: &Incident) -> Answer<Value> {
    let body = store.alert_body(alert.org, alert.id).await?;
    let body = body.ok_or_else(|| AppError::not_found("alert", alert.id))?;
    Ok(json!({
        "id": id(incident.id, alert.id),
        "alert": alerts::slim(alert, &body),
        "incident": incidents::slim(incident),
    }))
}
