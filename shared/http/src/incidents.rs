//! Incidents: created once for a key, listed and shown in full.

use std::sync::Arc;

use app::incident::create::NewIncident;
use app::{AppError, Context};
use axum::Json;
use axum::extract::{Path, State};
use axum::routing::get;
use domain::Identity;
use domain::id::{AlertId, IncidentId, OrgId, StatusId, TypeId, UserId};
use domain::incident::{Incident, IncidentState, Visibility};
use machine::{State as _, Stateful};
use serde::Deserialize;
use serde_json::{Value, json};
use store::{Listed, Order, Store};

use crate::ApiError;
use crate::api::{Answer, Desk, InTrace, Sent, Shared, clip, guarded};
use crate::auth::Caller;
use crate::binding::none_yet;
use crate::page::{Asked, Scan};
use crate::query::{CHOICE, Filters, Has, Operator, Query, TIME};
use crate::users;

/// The most incidents of a page.
const MOST: usize = 500;

/// What incidents are filtered by.
const FILTERS: &[(&str, &[Operator])] = &[
    ("status", CHOICE),
    ("status_category", CHOICE),
    ("created_at", TIME),
    ("updated_at", TIME),
    ("severity", CHOICE),
    ("incident_type", CHOICE),
    ("mode", CHOICE),
];

/// The router of incidents.
pub fn router(ctx: Context) -> axum::Router {
    let routes = axum::Router::<Arc<Desk>>::new()
        .route("/v2/incidents", get(list).post(create))
        .route("/v2/incidents/{id}", get(show));
    guarded(routes, ctx)
}

/// What is understood of an incident as it is sent.
#[derive(Deserialize)]
struct IncidentBody {
    idempotency_key: String,
    visibility: Visibility,
    name: Option<String>,
    summary: Option<String>,
    mode: Option<String>,
    severity_id: Option<String>,
    incident_type_id: Option<String>,
    incident_status_id: Option<String>,
    custom_field_entries: Option<Vec<Value>>,
    incident_role_assignments: Option<Vec<Value>>,
    incident_timestamp_values: Option<Vec<Value>>,
    retrospective_incident_options: Option<Value>,
}

/// The name of an incident that was given none.
const UNNAMED: &str = "New incident";

impl IncidentBody {
    /// Whether somebody has yet to say that it is an incident, if everything that was sent can be honoured.
    fn triage(&self, org: OrgId) -> Answer<bool> {
        none_yet("custom_field_entries", self.custom_field_entries.as_ref())?;
        none_yet("incident_role_assignments", self.incident_role_assignments.as_ref())?;
        none_yet("incident_timestamp_values", self.incident_timestamp_values.as_ref())?;
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if self.idempotency_key.is_empty() {
            return Err(ApiError::required("idempotency_key"));
        }
        if given(&self.mode).is_some_and(|mode| mode != "standard") {
            return Err(ApiError::invalid("mode", "There are only incidents of the mode `standard` yet"));
        }
        if self.retrospective_incident_options.is_some() {
            let reason = "There are only incidents of the mode `standard` yet";
            return Err(ApiError::invalid("retrospective_incident_options", reason));
        }
        if let Some(id) = given(&self.severity_id) {
            return Err(ApiError::invalid("severity_id", format!("There is no severity `{}`", clip(&id))));
        }
        if let Some(id) = given(&self.incident_type_id).filter(|id| *id != type_id(org).to_string()) {
            return Err(ApiError::invalid(
                "incident_type_id",
                format!("There is no incident type `{}`", clip(&id)),
            ));
        }
        let Some(id) = given(&self.incident_status_id) else { return Ok(false) };
        let state = IncidentState::INITIAL.iter().find(|state| status_id(org, **state).to_string() == id);
        match state {
            Some(state) => Ok(*state == IncidentState::Triage),
            None => {
                let reason = format!("No incident begins in a status `{}`", clip(&id));
                Err(ApiError::invalid("incident_status_id", reason))
            }
        }
    }
}

async fn create(
    State(desk): Shared,
    caller: Caller,
    InTrace(trace): InTrace,
    Sent { body, .. }: Sent<IncidentBody>,
) -> Answer<Json<Value>> {
    let (ctx, now) = (&desk.ctx, desk.ctx.now());
    let triage = body.triage(caller.org)?;
    let name = domain::text::present(body.name).unwrap_or_else(|| UNNAMED.to_owned());
    let new = NewIncident {
        org: caller.org,
        id: IncidentId::new(now, ctx.random()),
        name,
        summary: domain::text::present(body.summary),
        visibility: body.visibility,
        triage,
        alert: None,
        trace,
    };
    let incident =
        app::incident::create::create(&ctx.store, &caller.identity, new, &body.idempotency_key, now).await?;
    shown_alone(&desk, &caller, &incident).await
}

/// Lists incidents. See `page.rs` for how far one request looks.
async fn list(State(desk): Shared, caller: Caller, query: Query) -> Answer<Json<Value>> {
    let (store, org) = (&desk.ctx.store, caller.org);
    let (asked, filters) = (Asked::read(&query, MOST)?, query.filters(FILTERS)?);
    filters.span("updated_at")?;
    let order = match query.one("sort_by") {
        None | Some("created_at_newest_first") => Order::Newest,
        Some("created_at_oldest_first") => Order::Oldest,
        Some(other) => {
            let reason =
                format!("`{}` is neither created_at_newest_first nor created_at_oldest_first", clip(other));
            return Err(ApiError::invalid("sort_by", reason));
        }
    };
    let scan = Scan {
        asked: asked.clone(),
        order,
        made: filters.bound("created_at")?,
        filtered: !filters.is_empty(),
    };
    let (desk, caller, filters) = (&*desk, &caller, &filters);
    let page = scan
        .run(
            |beyond, most| async move { store.list_incidents_by(org, order, beyond.as_deref(), most).await },
            |listed| kept(desk, caller, filters, listed),
        )
        .await?;
    Ok(Json(json!({ "incidents": page.items, "pagination_meta": asked.meta(page.after.as_deref()) })))
}

/// Reads a listed incident again, if it passes the filters.
async fn kept(desk: &Desk, caller: &Caller, filters: &Filters, listed: Listed) -> Answer<Option<Value>> {
    let Ok(id) = listed.id.parse() else { return Ok(None) };
    let Some(incident) = desk.ctx.store.incident(caller.org, id).await? else { return Ok(None) };
    let state = incident.head().state();
    let (status, kind) = (status_id(caller.org, state).to_string(), type_id(caller.org).to_string());
    let passes = filters.pass(|field| match field {
        "status" => Has::text(&status),
        "status_category" => Has::Texts(vec![category(state).to_owned(), state.name().to_owned()]),
        "created_at" => Has::Time(incident.created_at),
        "updated_at" => Has::Time(incident.updated_at),
        "incident_type" => Has::text(&kind),
        "mode" => Has::text("standard"),
        _ => Has::nothing(),
    });
    if !passes {
        return Ok(None);
    }
    shown(desk, caller, &incident).await.map(Some)
}

/// Shows an incident, by its id, its number or its reference.
async fn show(
    State(desk): Shared,
    caller: Caller,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Answer<Json<Value>> {
    let Path(name) = path.map_err(|_| ApiError::not_found("There is nothing of this id"))?;
    let store = &desk.ctx.store;
    let number = name.strip_prefix("INC-").unwrap_or(&name).parse::<u64>();
    let found = match (name.parse::<IncidentId>(), number) {
        (Ok(id), _) => store.incident(caller.org, id).await?,
        (Err(_), Ok(number)) => store.incident_by_number(caller.org, number).await?,
        (Err(_), Err(_)) => None,
    };
    let incident = found.ok_or_else(|| AppError::not_found("incident", clip(&name)))?;
    shown_alone(&desk, &caller, &incident).await
}

async fn shown_alone(desk: &Desk, caller: &Caller, incident: &Incident) -> Answer<Json<Value>> {
    Ok(Json(json!({ "incident": shown(desk, caller, incident).await? })))
}

/// The id of the status that stands for a state; each organisation has its own.
fn status_id(org: OrgId, state: IncidentState) -> StatusId {
    StatusId::derived(org.at(), format_args!("{org} {}", state.name()))
}

/// The id of the type that every incident has.
fn type_id(org: OrgId) -> TypeId {
    TypeId::derived(org.at(), org)
}

/// The category of a status, in the words of version 2.
const fn category(state: IncidentState) -> &'static str {
    match state {
        IncidentState::Triage => "triage",
        IncidentState::Active => "live",
        IncidentState::Paused => "paused",
        IncidentState::PostIncident => "learning",
        IncidentState::Closed => "closed",
        IncidentState::Declined => "declined",
        IncidentState::Merged => "merged",
        IncidentState::Canceled => "canceled",
    }
}

/// What people call a status, and what it means.
const fn status_text(state: IncidentState) -> (&'static str, &'static str) {
    match state {
        IncidentState::Triage => ("Triage", "Nobody has said yet that it is an incident."),
        IncidentState::Active => ("Active", "People work on it."),
        IncidentState::Paused => ("Paused", "Work on it rests."),
        IncidentState::PostIncident => ("Post-incident", "It is over and being learned from."),
        IncidentState::Closed => ("Closed", "It is done."),
        IncidentState::Declined => ("Declined", "It was no incident."),
        IncidentState::Merged => ("Merged", "It went into another one."),
        IncidentState::Canceled => ("Canceled", "It was opened by mistake."),
    }
}

/// A status, in full.
fn status(org: OrgId, state: IncidentState) -> Value {
    let (name, description) = status_text(state);
    json!({
        "id": status_id(org, state),
        "name": name,
        "description": description,
        "category": category(state),
        "rank": IncidentState::ALL.iter().position(|one| *one == state).unwrap_or(0),
        "created_at": org.at(),
        "updated_at": org.at(),
    })
}

/// An incident, in full. What it has not, as a severity, is left out: strict clients take no null there.
async fn shown(desk: &Desk, caller: &Caller, incident: &Incident) -> Answer<Value> {
    let org = incident.org;
    let mut shown = json!({
        "id": incident.id,
        "reference": incident.reference(),
        "name": incident.title,
        "visibility": incident.visibility.name(),
        "mode": "standard",
        "permalink": format!("{}/incidents/{}", desk.ctx.public_url, incident.number),
        "incident_status": status(org, incident.head().state()),
        "incident_type": {
            "id": type_id(org),
            "name": "Incident",
            "description": "Every incident is of this type.",
            "is_default": true,
            "private_incidents_only": false,
            "create_in_triage": "optional",
            "created_at": org.at(),
            "updated_at": org.at(),
        },
        "creator": creator(&desk.ctx.store, caller, org, &incident.creator, incident.alert).await?,
        "created_at": incident.created_at,
        "updated_at": incident.updated_at,
        "last_activity_at": incident.updated_at,
        "custom_field_entries": [],
        "incident_role_assignments": [],
        "incident_timestamp_values": [],
        "duration_metrics": [],
        "postmortem_document_ids": [],
        "team_ids": [],
        "has_debrief": false,
        "slack_channel_id": "",
        "slack_team_id": "",
    });
    if let Some(summary) = &incident.summary {
        shown["summary"] = json!(summary);
    }
    Ok(shown)
}

/// An incident where something else names it.
pub(crate) fn slim(incident: &Incident) -> Value {
    let mut slim = json!({
        "id": incident.id,
        "external_id": incident.number,
        "reference": incident.reference(),
        "name": incident.title,
        "status_category": incident.head().state().name(),
        "visibility": incident.visibility.name(),
    });
    if let Some(summary) = &incident.summary {
        slim["summary"] = json!(summary);
    }
    slim
}

/// Who or what created something.
pub(crate) async fn creator(
    store: &Store,
    caller: &Caller,
    org: OrgId,
    by: &Identity,
    alert: Option<AlertId>,
) -> Answer<Value> {
    Ok(match (by, alert) {
        (Identity::User(id), _) => json!({ "user": person(store, org, *id).await? }),
        (Identity::ApiKey(id), _) => {
            let name = if *id == caller.key.id { caller.key.name.as_str() } else { "API key" };
            json!({ "api_key": { "id": id, "name": name } })
        }
        (Identity::System(_), Some(id)) => {
            let title = store.alert(org, id).await?.map(|alert| alert.title).unwrap_or_default();
            json!({ "alert": { "id": id, "title": title } })
        }
        (Identity::System(part), None) => json!({ "workflow": { "id": part, "name": part } }),
    })
}

/// A person who may have left since.
pub(crate) async fn person(store: &Store, org: OrgId, id: UserId) -> Answer<Value> {
    Ok(match store.user(org, id).await? {
        Some(user) => users::slim(&user),
        None => json!({ "id": id, "name": "Somebody who has left", "role": "unset" }),
    })
}
