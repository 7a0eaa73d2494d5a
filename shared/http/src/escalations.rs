//! Escalations: begun once for a key, listed and shown with what happened, answered.

mod shown;

use app::escalation::create::{EscalationTarget, ManualEscalation};
use app::escalation::respond::{StopOutcome, acknowledge, cancel};
use app::{AppError, Context, Rules};
use axum::extract::{Extension, State};
use axum::response::IntoResponse;
use axum::{Json, http::StatusCode, routing};
use domain::access::Permission;
use domain::escalation::{Escalation, EscalationState, PathRef};
use domain::id::{EscalationId, IncidentId, PathId, UserId};
use machine::{State as _, Stateful};
use serde::Deserialize;
use serde_json::{Value, json};
use store::{IdempotentKind, Listed, Order};

use crate::ApiError;
use crate::api::{Answer, Desk, Id, InTrace, Sent, Shared, guarded};
use crate::auth::Caller;
use crate::escalation_paths;
use crate::operation::{Operation, Resource};
use crate::page::{Asked, Scan};
use crate::query::{CHOICE, Filters, Has, Operator, Query, TIME};
use crate::rate::{Allowance, ESCALATIONS};
use shown::shown;

/// The most escalations of a page.
const MOST: usize = 50;

/// What escalations are filtered by.
const FILTERS: &[(&str, &[Operator])] = &[
    ("status", CHOICE),
    ("escalation_path", CHOICE),
    ("alert", CHOICE),
    ("incident", CHOICE),
    ("created_at", TIME),
    ("updated_at", TIME),
    ("idempotency_key", &[Operator::Is, Operator::OneOf]),
];

/// What can be done with it.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Escalations",
    operations: &[
        Operation::get("/v2/escalations", "Lists escalations, the newest first", || routing::get(list))
            .needs(Permission::SeeOnCall)
            .asks(&[
                ("status[one_of]", "In one of these states; also not_in"),
                ("escalation_path[one_of]", "Of one of these paths; also not_in"),
                ("alert[one_of]", "Of one of these alerts; also not_in"),
                ("incident[one_of]", "Of one of these incidents; also not_in"),
                ("idempotency_key[is]", "Of this key"),
                ("created_at[gte]", "Not before this; also lte and date_range, and the same of updated_at"),
                ("page_size", "How many objects a page has"),
                ("after", "The id of the last object of the page before"),
            ])
            .answers(200, "{escalations*: [Escalation], pagination_meta*: Pagination}"),
        Operation::post("/v2/escalations", "Begins an escalation; the same key begins nothing twice", || {
            routing::post(create)
        })
        .needs(Permission::CreateEscalations)
        .takes(
            "{idempotency_key*: string, title*: string, description: string, \
             escalation_path_id: id, user_ids: [id], incident_id: id}",
        )
        .answers(201, "{escalation*: Escalation}"),
        Operation::get("/v2/escalations/{id}", "Shows an escalation", || routing::get(show))
            .needs(Permission::SeeOnCall)
            .answers(200, "{escalation*: Escalation}"),
        Operation::post("/v2/escalations/{id}/actions/respond", "Answers an escalation", || {
            routing::post(respond)
        })
        .needs(Permission::Respond)
        .takes("{response*: ack|nack}")
        .answers_nothing(200),
        Operation::post("/v2/escalations/{id}/actions/cancel", "Calls an escalation off", || {
            routing::post(call_off)
        })
        .needs(Permission::Respond)
        .answers_nothing(200),
    ],
    shapes: &[(
        "Escalation",
        "{id*: id, title*: string, description: string, status*: string, events*: [any], \
             related_alerts*: [any], related_incidents*: [any], creator*: Actor, \
             created_at*: time, updated_at*: time}",
    )],
};

/// The router of escalations and of escalation paths.
pub fn router(ctx: Context) -> axum::Router {
    let rules = Rules::new(ctx.store.clone());
    let routes = RESOURCE.routes().layer(Extension(rules)).merge(escalation_paths::RESOURCE.routes());
    guarded(routes, ctx)
}

/// An escalation as it is asked for.
#[derive(Deserialize)]
struct CallBody {
    idempotency_key: String,
    title: String,
    description: Option<String>,
    escalation_path_id: Option<PathId>,
    user_ids: Option<Vec<UserId>>,
    incident_id: Option<IncidentId>,
}

impl CallBody {
    /// Whom to page: exactly one of the two.
    fn target(&self) -> Answer<EscalationTarget> {
        let users =
            self.user_ids.as_ref().filter(|users| !users.is_empty() || self.escalation_path_id.is_none());
        match (self.escalation_path_id, users) {
            (Some(path), None) => Ok(EscalationTarget::Path(path)),
            (None, Some(users)) => Ok(EscalationTarget::Users(users.clone())),
            (Some(_), Some(_)) => {
                Err(ApiError::invalid("user_ids", "Name an escalation_path_id or user_ids, not both"))
            }
            (None, None) => Err(ApiError::required("escalation_path_id")),
        }
    }
}

async fn create(
    State(desk): Shared,
    Extension(rules): Extension<Rules>,
    caller: Caller,
    InTrace(trace): InTrace,
    Sent { body, .. }: Sent<CallBody>,
) -> Answer {
    let (ctx, now) = (&desk.ctx, desk.ctx.now());
    let allowance: Allowance = desk
        .rate
        .take(&ESCALATIONS, caller.key.id, now)
        .map_err(|empty| ApiError::too_many(&caller.key.name, empty, now))?;
    if body.idempotency_key.is_empty() {
        return Err(ApiError::required("idempotency_key"));
    }
    let new = ManualEscalation {
        id: EscalationId::new(now, ctx.random()),
        target: body.target()?,
        title: body.title,
        description: domain::text::present(body.description),
        incident: body.incident_id,
        trace,
    };
    let asked = (body.idempotency_key.as_str(), new);
    let escalation = app::escalation::create::create(&ctx.store, &rules, &caller.actor, asked, now).await?;
    let shown = Json(json!({ "escalation": shown(&desk, &caller, &escalation).await? }));
    Ok((StatusCode::CREATED, Extension(allowance), shown).into_response())
}

/// Lists escalations, newest first. See `page.rs` for how far one request looks.
async fn list(State(desk): Shared, caller: Caller, query: Query) -> Answer<Json<Value>> {
    let (store, org) = (&desk.ctx.store, caller.org);
    let (asked, filters) = (Asked::read(&query, MOST)?, query.filters(FILTERS)?);
    filters.span("updated_at")?;
    let mut by_key: Option<Vec<String>> = None;
    for key in filters.values("idempotency_key") {
        let made: Option<EscalationId> = store.made_by(org, IdempotentKind::Escalation, key).await?;
        by_key.get_or_insert_default().extend(made.map(|id| id.to_string()));
    }
    let scan = Scan {
        asked: asked.clone(),
        order: Order::Newest,
        made: filters.bound("created_at")?,
        filtered: !filters.is_empty(),
    };
    let (desk, caller, filters, by_key) = (&*desk, &caller, &filters, by_key.as_deref());
    let page = scan
        .run(
            |before, most| async move {
                match by_key {
                    // A key names what it made: nothing needs to be looked through.
                    Some(ids) => Ok(listed(ids, before.as_deref())),
                    None => store.list_escalations(org, before.as_deref(), most).await,
                }
            },
            |listed| kept(desk, caller, filters, listed),
        )
        .await?;
    Ok(Json(json!({ "escalations": page.items, "pagination_meta": asked.meta(page.after.as_deref()) })))
}

/// Entries of a list that is known already.
fn listed(ids: &[String], before: Option<&str>) -> Vec<Listed> {
    let mut ids: Vec<&String> =
        ids.iter().filter(|id| before.is_none_or(|before| id.as_str() < before)).collect();
    ids.sort_by(|a, b| b.cmp(a));
    ids.dedup();
    let entry = |id: &String| Listed { id: id.clone(), state: String::new(), title: String::new() };
    ids.into_iter().map(entry).collect()
}

/// Finds an escalation, unless it belongs to an incident that whoever asks does not see.
async fn seen(desk: &Desk, caller: &Caller, id: EscalationId) -> Answer<Option<Escalation>> {
    let store = &desk.ctx.store;
    let Some(escalation) = store.escalation(caller.org, id).await? else { return Ok(None) };
    let hidden = app::incident::seen::hidden(store, &caller.actor, [escalation.incident]).await?;
    Ok(hidden.is_empty().then_some(escalation))
}

/// Finds an escalation that whoever asks sees.
async fn find(desk: &Desk, caller: &Caller, id: EscalationId) -> Answer<Escalation> {
    let escalation = seen(desk, caller, id).await?;
    escalation.ok_or_else(|| AppError::not_found("escalation", id).into())
}

/// Reads a listed escalation again, if it passes the filters.
async fn kept(desk: &Desk, caller: &Caller, filters: &Filters, listed: Listed) -> Answer<Option<Value>> {
    let Ok(id) = listed.id.parse() else { return Ok(None) };
    let Some(escalation) = seen(desk, caller, id).await? else { return Ok(None) };
    let path = match &escalation.plan {
        PathRef::Path { id, .. } => Some(id.to_string()),
        PathRef::Users(_) | PathRef::Fallback => None,
    };
    let (alert, incident) =
        (escalation.alert.map(|id| id.to_string()), escalation.incident.map(|id| id.to_string()));
    let keys = filters.values("idempotency_key");
    let maybe = |text: &Option<String>| Has::Texts(text.iter().cloned().collect());
    let passes = filters.pass(|field| match field {
        "status" => Has::text(escalation.head().state().name()),
        "escalation_path" => maybe(&path),
        "alert" => maybe(&alert),
        "incident" => maybe(&incident),
        "created_at" => Has::Time(escalation.created_at),
        "updated_at" => Has::Time(escalation.updated_at),
        // It was found by its key.
        "idempotency_key" => Has::Texts(keys.iter().map(|key| (*key).to_owned()).collect()),
        _ => Has::nothing(),
    });
    if !passes {
        return Ok(None);
    }
    shown(desk, caller, &escalation).await.map(Some)
}

async fn show(State(desk): Shared, caller: Caller, Id(id): Id<EscalationId>) -> Answer<Json<Value>> {
    let escalation = find(&desk, &caller, id).await?;
    Ok(Json(json!({ "escalation": shown(&desk, &caller, &escalation).await? })))
}

/// An answer.
#[derive(Deserialize)]
struct RespondBody {
    response: Response,
}

/// The answers that there are.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Response {
    Ack,
    Nack,
    Snooze,
}

async fn respond(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id<EscalationId>,
    Sent { body, .. }: Sent<RespondBody>,
) -> Answer<StatusCode> {
    let ctx = &desk.ctx;
    match body.response {
        Response::Ack => {
            let answered = acknowledge(&ctx.store, &caller.actor, id, ctx.now()).await?;
            counts(&answered, EscalationState::Acked)
        }
        Response::Nack => {
            find(&desk, &caller, id).await?;
            Err(ApiError::invalid("response", "A key is nobody who could decline: only a person can `nack`"))
        }
        Response::Snooze => {
            find(&desk, &caller, id).await?;
            Err(ApiError::invalid("response", "An escalation cannot be snoozed yet: use `ack`"))
        }
    }
}

async fn call_off(State(desk): Shared, caller: Caller, Id(id): Id<EscalationId>) -> Answer<StatusCode> {
    let ctx = &desk.ctx;
    let answered = cancel(&ctx.store, &caller.actor, id, ctx.now()).await?;
    counts(&answered, EscalationState::Cancelled)
}

/// An answer counts if the escalation is where the answer wants it, now or already.
fn counts(answered: &StopOutcome, wanted: EscalationState) -> Answer<StatusCode> {
    let escalation: &Escalation = answered.escalation();
    let state = escalation.head().state();
    if state == wanted {
        return Ok(StatusCode::OK);
    }
    Err(ApiError::conflict(format!("The escalation is {} already", state.name())))
}
