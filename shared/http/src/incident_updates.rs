//! Updates: what others were told of an incident, and each change of its status or its severity.
//!
//! They are the incident's own history, of which the rows that only put something right are left out.

use app::AppError;
use app::incident::update::{self, Update};
use axum::Json;
use axum::extract::State;
use axum::routing::{get, post};
use domain::access::Permission;
use domain::id::{IncidentId, UpdateId};
use domain::{Identity, Timestamp};
use futures_util::future::try_join_all;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use store::{Choices, Store};

use crate::ApiError;
use crate::api::{Answer, Sent, Shared};
use crate::auth::Caller;
use crate::incidents::{choice, chosen, creator};
use crate::operation::{Operation, Resource};
use crate::page::Asked;
use crate::query::Query;

/// What can be done with updates.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Incident updates",
    operations: &[
        Operation::get("/v2/incident_updates", "Lists updates, the newest first", || get(list))
            .needs(Permission::See)
            .asks(&[
                ("incident_id", "The incident; without it, those of all incidents"),
                ("page_size", "How many objects a page has"),
                ("after", "The id of the last object of the page before"),
            ])
            .answers(200, "{incident_updates*: [IncidentUpdate], pagination_meta*: Pagination}"),
        Operation::post(
            "/v2/incident_updates",
            "Shares an update; the same key shares nothing twice",
            || post(create),
        )
        .needs(Permission::EditIncidents)
        .takes(
            "{idempotency_key*: string, incident_id*: id, message: string, to_incident_status_id: id, \
             to_severity_id: id}",
        )
        .answers(201, "{incident_update*: IncidentUpdate}"),
    ],
    shapes: &[(
        "IncidentUpdate",
        "{id*: id, incident_id*: id, message: string, new_incident_status*: IncidentStatus, \
         new_severity: Severity, updater*: Actor, created_at*: time}",
    )],
};

/// The most updates of a page.
const MOST: usize = 250;
/// How often a request goes on looking for updates among other changes, and how many rows it looks at each time.
const ROUNDS: usize = 4;
/// How many rows of history it looks at each time.
const BATCH: usize = 100;
/// How many rows of different incidents are read at once.
const AT_ONCE: usize = 25;

/// An update as it is sent.
#[derive(Deserialize)]
struct UpdateBody {
    idempotency_key: String,
    incident_id: String,
    message: Option<String>,
    to_incident_status_id: Option<String>,
    to_severity_id: Option<String>,
}

async fn create(
    State(desk): Shared,
    caller: Caller,
    Sent { body, .. }: Sent<UpdateBody>,
) -> Answer<(StatusCode, Json<Value>)> {
    let (store, org, now) = (&desk.ctx.store, caller.org, desk.ctx.now());
    if body.idempotency_key.is_empty() {
        return Err(ApiError::required("idempotency_key"));
    }
    let id = chosen::<IncidentId>("incident", "incident_id", Some(body.incident_id))?;
    let id = id.ok_or_else(|| ApiError::required("incident_id"))?;
    let update = Update {
        message: domain::text::present(body.message),
        status: chosen("incident status", "to_incident_status_id", body.to_incident_status_id)?,
        severity: chosen("severity", "to_severity_id", body.to_severity_id)?,
    };
    let key = Some(body.idempotency_key.as_str());
    let shared = match update::update(store, &caller.actor, id, &update, key, now).await {
        Err(AppError::NotFound { kind: "incident", .. }) => {
            return Err(ApiError::invalid("incident_id", format!("There is no incident `{id}`")));
        }
        shared => shared?,
    };
    let choices = store.incident_choices(org).await?;
    let shown = shown(store, &caller, &choices, &shared).await?;
    Ok((StatusCode::CREATED, Json(json!({ "incident_update": shown }))))
}

/// Lists updates. A page is shorter if only other things were found within a request's rounds.
async fn list(State(desk): Shared, caller: Caller, query: Query) -> Answer<Json<Value>> {
    let (store, org) = (&desk.ctx.store, caller.org);
    let asked = Asked::read(&query, MOST)?;
    let id = chosen::<IncidentId>("incident", "incident_id", query.one("incident_id").map(str::to_owned))?;
    let Some(id) = id else { return of_all(store, &caller, &asked, desk.ctx.now()).await };
    let incident = store.incident(org, id).await?.filter(|incident| incident.is_seen_by(&caller.actor));
    let incident =
        incident.ok_or_else(|| ApiError::invalid("incident_id", format!("There is no incident `{id}`")))?;
    let cursor = asked.after.as_ref().and_then(|after| after.parse::<UpdateId>().ok());
    let mut before = cursor.map(UpdateId::version);
    let (mut found, mut last, mut more) = (Vec::new(), None, true);
    for _ in 0..ROUNDS {
        let batch = BATCH.max(asked.size + 1 - found.len());
        let rows = store.incident_history(org, incident.id, before, batch).await?;
        more = rows.len() == batch;
        for row in rows {
            before = Some(row.version);
            let at = UpdateId::of(incident.id, row.version, row.at);
            let Some(shared) = update::SharedUpdate::of(incident.id, row) else {
                last = Some(at);
                continue;
            };
            if found.len() == asked.size {
                return page(store, &caller, &asked, found, last).await;
            }
            found.push(shared);
            last = Some(at);
        }
        if !more {
            break;
        }
    }
    page(store, &caller, &asked, found, last.filter(|_| more)).await
}

/// Lists updates of all incidents.
async fn of_all(store: &Store, caller: &Caller, asked: &Asked, now: Timestamp) -> Answer<Json<Value>> {
    let before = asked.after.as_ref().and_then(|after| after.parse::<UpdateId>().ok());
    let listed = store.updates(caller.org, before, asked.size, now).await?;
    let incidents = listed.rows.iter().map(|row| Some(row.incident));
    let hidden = app::incident::seen::hidden(store, &caller.actor, incidents).await?;
    let mut seen = listed.rows;
    seen.retain(|row| !hidden.contains(&row.incident));
    let mut found = Vec::new();
    for rows in seen.chunks(AT_ONCE) {
        let read = rows.iter().map(|row| store.incident_step(caller.org, row.incident, row.id.version()));
        for (row, step) in rows.iter().zip(try_join_all(read).await?) {
            found.extend(step.and_then(|step| update::SharedUpdate::of(row.incident, step)));
        }
    }
    page(store, caller, asked, found, listed.after).await
}

/// A page of updates.
async fn page(
    store: &Store,
    caller: &Caller,
    asked: &Asked,
    found: Vec<update::SharedUpdate>,
    after: Option<UpdateId>,
) -> Answer<Json<Value>> {
    let choices = store.incident_choices(caller.org).await?;
    let mut items = Vec::new();
    for shared in &found {
        items.push(shown(store, caller, &choices, shared).await?);
    }
    let after = after.map(|after| after.to_string());
    Ok(Json(json!({ "incident_updates": items, "pagination_meta": asked.meta(after.as_deref()) })))
}

/// An update, in full.
async fn shown(
    store: &Store,
    caller: &Caller,
    choices: &Choices,
    shared: &update::SharedUpdate,
) -> Answer<Value> {
    let row = &shared.row;
    let by = row.by.parse().unwrap_or_else(|_| Identity::system("unknown"));
    let mut shown = json!({
        "id": shared.id,
        "incident_id": shared.incident,
        "updater": creator(store, caller, caller.org, &by, None).await?,
        "created_at": row.at,
    });
    let Some(note) = &row.note else { return Ok(shown) };
    shown["new_incident_status"] = json!(choice(&choices.statuses, note.status));
    if let Some(severity) = note.severity.and_then(|id| choice(&choices.severities, id)) {
        shown["new_severity"] = severity;
    }
    if let Some(message) = note.message.as_ref().filter(|message| !message.is_empty()) {
        shown["message"] = json!(message);
    }
    Ok(shown)
}
