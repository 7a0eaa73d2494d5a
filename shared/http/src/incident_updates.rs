//! Incident updates: what people were told about an incident, and each change of its status or severity.
//!
//! The updates are rows of the incident's history. Rows that only correct something else are left out.

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
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Choices, Store};

use crate::ApiError;
use crate::actor::ActorView;
use crate::api::{ApiResult, JsonBody, SharedState, optional_id, required_id};
use crate::auth::Caller;
use crate::choices;
use crate::incident_statuses::StatusView;
use crate::operation::{AFTER, Operation, PAGE_SIZE, Resource};
use crate::page::{PageRequest, PaginationView};
use crate::query::Query;
use crate::schema::{Id, Time};
use crate::severities::SeverityView;

/// The operations on incident updates.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Incident updates",
    operations: &[
        Operation::get("/v2/incident_updates", "Lists incident updates, newest first", || get(list))
            .needs(Permission::See)
            .query(&[
                (
                    "incident_id",
                    "Updates of this incident. Without it, the updates of all incidents are listed",
                ),
                PAGE_SIZE,
                AFTER,
            ])
            .reply::<IncidentUpdateListReply>(200),
        Operation::post(
            "/v2/incident_updates",
            "Shares an incident update. A second request with the same idempotency key shares none",
            || post(create),
        )
        .needs(Permission::EditIncidents)
        .body::<IncidentUpdatePayload>()
        .reply::<IncidentUpdateReply>(201),
    ],
};

/// The most updates of a page.
const MAX_PAGE: usize = 250;
/// How many batches of an incident's history a request reads.
const ROUNDS: usize = 4;
/// How many rows of history a batch has.
const BATCH: usize = 100;
/// How many rows of different incidents are read at once.
const AT_ONCE: usize = 25;

/// An incident update.
#[derive(Serialize, JsonSchema)]
struct IncidentUpdateView {
    /// The id.
    id: Id<UpdateId>,
    /// The incident.
    incident_id: Id<IncidentId>,
    /// The text for the people who follow the incident.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// The status that the incident had then.
    #[serde(skip_serializing_if = "Option::is_none")]
    new_incident_status: Option<StatusView>,
    /// The severity that the incident had then.
    #[serde(skip_serializing_if = "Option::is_none")]
    new_severity: Option<SeverityView>,
    /// Who shared the update.
    updater: ActorView,
    /// When the update was shared.
    created_at: Time,
}

impl IncidentUpdateView {
    async fn load(
        store: &Store,
        caller: &Caller,
        choices: &Choices,
        shared: &update::SharedUpdate,
    ) -> ApiResult<Self> {
        let row = &shared.row;
        let by = row.by.parse().unwrap_or_else(|_| Identity::system("unknown"));
        let note = row.note.as_ref();
        let message = note.and_then(|note| note.message.clone());
        Ok(Self {
            id: Id(shared.id),
            incident_id: Id(shared.incident),
            message: message.filter(|message| !message.is_empty()),
            new_incident_status: note.and_then(|note| choices::find(&choices.statuses, note.status)),
            new_severity: note
                .and_then(|note| note.severity)
                .and_then(|id| choices::find(&choices.severities, id)),
            updater: ActorView::load(store, caller, &by, None).await?,
            created_at: Time(row.at),
        })
    }
}

/// A reply with an incident update.
#[derive(Serialize, JsonSchema)]
struct IncidentUpdateReply {
    incident_update: IncidentUpdateView,
}

/// A reply with a page of incident updates.
#[derive(Serialize, JsonSchema)]
struct IncidentUpdateListReply {
    incident_updates: Vec<IncidentUpdateView>,
    pagination_meta: PaginationView,
}

/// An incident update to share.
#[derive(Deserialize, JsonSchema)]
struct IncidentUpdatePayload {
    /// A key of your choice. A second request with the same key shares no second update.
    #[schemars(length(min = 1))]
    idempotency_key: String,
    /// The id of the incident.
    #[schemars(length(min = 1))]
    incident_id: String,
    /// The text for the people who follow the incident.
    message: Option<String>,
    /// The id of the status that the incident gets.
    to_incident_status_id: Option<String>,
    /// The id of the severity that the incident gets.
    to_severity_id: Option<String>,
}

fn unknown_incident(id: IncidentId) -> ApiError {
    ApiError::invalid("incident_id", format!("There is no incident with the id `{id}`"))
}

async fn create(
    State(api): SharedState,
    caller: Caller,
    JsonBody { body, .. }: JsonBody<IncidentUpdatePayload>,
) -> ApiResult<(StatusCode, Json<IncidentUpdateReply>)> {
    let (store, org, now) = (&api.ctx.store, caller.org, api.ctx.now());
    if body.idempotency_key.is_empty() {
        return Err(ApiError::required("idempotency_key"));
    }
    let id: IncidentId = required_id("incident", "incident_id", Some(body.incident_id))?;
    let update = Update {
        message: domain::text::present(body.message),
        status: optional_id("incident status", "to_incident_status_id", body.to_incident_status_id)?,
        severity: optional_id("severity", "to_severity_id", body.to_severity_id)?,
    };
    let key = Some(body.idempotency_key.as_str());
    let shared = match update::update(store, &caller.actor, id, &update, key, now).await {
        Err(AppError::NotFound { kind: "incident", .. }) => return Err(unknown_incident(id)),
        shared => shared?,
    };
    let choices = store.incident_choices(org).await?;
    let incident_update = IncidentUpdateView::load(store, &caller, &choices, &shared).await?;
    Ok((StatusCode::CREATED, Json(IncidentUpdateReply { incident_update })))
}

/// Lists updates. A page is shorter if the rows that one request reads hold fewer updates.
async fn list(
    State(api): SharedState,
    caller: Caller,
    query: Query,
) -> ApiResult<Json<IncidentUpdateListReply>> {
    let (store, org) = (&api.ctx.store, caller.org);
    let page = PageRequest::read(&query, MAX_PAGE)?;
    let id = query.one("incident_id").map(str::to_owned);
    let Some(id) = optional_id::<IncidentId>("incident", "incident_id", id)? else {
        return list_all(store, &caller, &page, api.ctx.now()).await;
    };
    let incident = store.incident(org, id).await?.filter(|incident| incident.is_seen_by(&caller.actor));
    let incident = incident.ok_or_else(|| unknown_incident(id))?;
    let cursor = page.after.as_ref().and_then(|after| after.parse::<UpdateId>().ok());
    let mut before = cursor.map(UpdateId::version);
    let (mut found, mut last, mut more) = (Vec::new(), None, true);
    for _ in 0..ROUNDS {
        let batch = BATCH.max(page.size + 1 - found.len());
        let rows = store.incident_history(org, incident.id, before, batch).await?;
        more = rows.len() == batch;
        for row in rows {
            before = Some(row.version);
            let at = UpdateId::of(incident.id, row.version, row.at);
            let Some(shared) = update::SharedUpdate::of(incident.id, row) else {
                last = Some(at);
                continue;
            };
            if found.len() == page.size {
                return reply(store, &caller, &page, found, last).await;
            }
            found.push(shared);
            last = Some(at);
        }
        if !more {
            break;
        }
    }
    reply(store, &caller, &page, found, last.filter(|_| more)).await
}

/// Lists the updates of all incidents.
async fn list_all(
    store: &Store,
    caller: &Caller,
    page: &PageRequest,
    now: Timestamp,
) -> ApiResult<Json<IncidentUpdateListReply>> {
    let before = page.after.as_ref().and_then(|after| after.parse::<UpdateId>().ok());
    let listed = store.updates(caller.org, before, page.size, now).await?;
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
    reply(store, caller, page, found, listed.after).await
}

/// The reply with a page of updates.
async fn reply(
    store: &Store,
    caller: &Caller,
    page: &PageRequest,
    found: Vec<update::SharedUpdate>,
    after: Option<UpdateId>,
) -> ApiResult<Json<IncidentUpdateListReply>> {
    let choices = store.incident_choices(caller.org).await?;
    let mut incident_updates = Vec::new();
    for shared in &found {
        incident_updates.push(IncidentUpdateView::load(store, caller, &choices, shared).await?);
    }
    let pagination_meta = page.meta(after.map(|after| after.to_string()));
    Ok(Json(IncidentUpdateListReply { incident_updates, pagination_meta }))
}
