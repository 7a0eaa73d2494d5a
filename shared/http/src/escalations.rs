//! Escalations: started, listed, shown with their events, acknowledged and cancelled.

mod view;

use app::escalation::create::{EscalationTarget, ManualEscalation};
use app::escalation::respond::{StopOutcome, acknowledge, cancel};
use app::{AppError, Context, Rules};
use axum::extract::{Extension, State};
use axum::{Json, http::StatusCode, routing};
use domain::access::Permission;
use domain::escalation::{Escalation, EscalationState, PathRef};
use domain::id::{AlertId, EscalationId, IncidentId, PathId, UserId};
use machine::{State as _, Stateful};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{IdempotentKind, Listed, Order};

use crate::ApiError;
use crate::api::{ApiResult, ApiState, JsonBody, RequestTrace, SharedState, guarded};
use crate::auth::Caller;
use crate::escalation_paths;
use crate::operation::{AFTER, Operation, PAGE_SIZE, Resource};
use crate::page::{IndexScan, PageRequest, PaginationView};
use crate::query::{CHOICE, Filters, Has, Operator, Query, TIME};
use crate::rate::{Allowance, ESCALATIONS};
use crate::schema::Id;
use view::EscalationView;

/// The most escalations of a page.
const MAX_PAGE: usize = 50;

/// The fields by which escalations are filtered.
const FILTERS: &[(&str, &[Operator])] = &[
    ("status", CHOICE),
    ("escalation_path", CHOICE),
    ("alert", CHOICE),
    ("incident", CHOICE),
    ("created_at", TIME),
    ("updated_at", TIME),
    ("idempotency_key", &[Operator::Is, Operator::OneOf]),
];

/// The operations on escalations.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Escalations",
    operations: &[
        Operation::get("/v2/escalations", "Lists escalations, newest first", || routing::get(list))
            .needs(Permission::SeeOnCall)
            .query(&[
                ("status[one_of]", "Escalations with one of these states. Also not_in"),
                ("escalation_path[one_of]", "Escalations of one of these escalation paths. Also not_in"),
                ("alert[one_of]", "Escalations for one of these alerts. Also not_in"),
                ("incident[one_of]", "Escalations for one of these incidents. Also not_in"),
                ("idempotency_key[is]", "The escalation that was started with this idempotency key"),
                (
                    "created_at[gte]",
                    "Escalations created at this time or later. Also lte and date_range, and the same for updated_at",
                ),
                PAGE_SIZE,
                AFTER,
            ])
            .reply::<EscalationListReply>(200),
        Operation::post(
            "/v2/escalations",
            "Starts an escalation. A second request with the same idempotency key starts none",
            || routing::post(create),
        )
        .needs(Permission::CreateEscalations)
        .body::<NewEscalationPayload>()
        .reply::<EscalationReply>(201),
        Operation::get("/v2/escalations/{id}", "Shows an escalation", || routing::get(show))
            .needs(Permission::SeeOnCall)
            .reply::<EscalationReply>(200),
        Operation::post("/v2/escalations/{id}/actions/respond", "Acknowledges an escalation", || {
            routing::post(respond)
        })
        .needs(Permission::Respond)
        .body::<EscalationResponsePayload>()
        .empty_reply(200),
        Operation::post("/v2/escalations/{id}/actions/cancel", "Cancels an escalation", || {
            routing::post(cancel_one)
        })
        .needs(Permission::Respond)
        .empty_reply(200),
    ],
};

/// The router of escalations and of escalation paths.
pub fn router(ctx: Context) -> axum::Router {
    let rules = Rules::new(ctx.store.clone());
    let routes = RESOURCE.routes().layer(Extension(rules)).merge(escalation_paths::RESOURCE.routes());
    guarded(routes, ctx)
}

/// A reply with an escalation.
#[derive(Serialize, JsonSchema)]
struct EscalationReply {
    escalation: EscalationView,
}

/// A reply with a page of escalations.
#[derive(Serialize, JsonSchema)]
struct EscalationListReply {
    escalations: Vec<EscalationView>,
    pagination_meta: PaginationView,
}

/// An escalation to start. It notifies an escalation path or people.
#[derive(Deserialize, JsonSchema)]
struct NewEscalationPayload {
    /// A key of your choice. A second request with the same key starts no second escalation.
    #[schemars(length(min = 1))]
    idempotency_key: String,
    /// The title.
    title: String,
    /// The description.
    description: Option<String>,
    /// The escalation path to run.
    escalation_path_id: Option<Id<PathId>>,
    /// The people to notify, if there is no escalation path.
    user_ids: Option<Vec<Id<UserId>>>,
    /// The incident for which the escalation is.
    incident_id: Option<Id<IncidentId>>,
}

impl NewEscalationPayload {
    /// The escalation path or the people to notify.
    ///
    /// # Errors
    /// [`ApiError`] if both are given, or neither.
    fn target(&self) -> ApiResult<EscalationTarget> {
        let users =
            self.user_ids.as_ref().filter(|users| !users.is_empty() || self.escalation_path_id.is_none());
        match (self.escalation_path_id, users) {
            (Some(Id(path)), None) => Ok(EscalationTarget::Path(path)),
            (None, Some(users)) => Ok(EscalationTarget::Users(users.iter().map(|Id(id)| *id).collect())),
            (Some(_), Some(_)) => {
                Err(ApiError::invalid("user_ids", "Send `escalation_path_id` or `user_ids`, not both"))
            }
            (None, None) => Err(ApiError::required("escalation_path_id")),
        }
    }
}

async fn create(
    State(api): SharedState,
    Extension(rules): Extension<Rules>,
    caller: Caller,
    RequestTrace(trace): RequestTrace,
    JsonBody { body, .. }: JsonBody<NewEscalationPayload>,
) -> ApiResult<(StatusCode, Extension<Allowance>, Json<EscalationReply>)> {
    let (ctx, now) = (&api.ctx, api.ctx.now());
    let allowance: Allowance = api
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
        incident: body.incident_id.map(|Id(id)| id),
        trace,
    };
    let new = (body.idempotency_key.as_str(), new);
    let escalation = app::escalation::create::create(&ctx.store, &rules, &caller.actor, new, now).await?;
    let reply = EscalationReply { escalation: EscalationView::load(&api, &caller, &escalation).await? };
    Ok((StatusCode::CREATED, Extension(allowance), Json(reply)))
}

/// Lists escalations, newest first. See `page.rs` for how much of the index one request reads.
async fn list(State(api): SharedState, caller: Caller, query: Query) -> ApiResult<Json<EscalationListReply>> {
    let (store, org) = (&api.ctx.store, caller.org);
    let (page, filters) = (PageRequest::read(&query, MAX_PAGE)?, query.filters(FILTERS)?);
    filters.span("updated_at")?;
    filters.allow_states::<EscalationState>("status")?;
    filters.allow_ids::<PathId>("escalation_path")?;
    filters.allow_ids::<AlertId>("alert")?;
    filters.allow_ids::<IncidentId>("incident")?;
    let mut by_key: Option<Vec<String>> = None;
    for key in filters.values("idempotency_key") {
        let started: Option<EscalationId> = store.made_by(org, IdempotentKind::Escalation, key).await?;
        by_key.get_or_insert_default().extend(started.map(|id| id.to_string()));
    }
    let scan = IndexScan {
        page: page.clone(),
        order: Order::Newest,
        created: filters.bound("created_at")?,
        filtered: !filters.is_empty(),
    };
    let (api, caller, filters, by_key) = (&*api, &caller, &filters, by_key.as_deref());
    let found = scan
        .run(
            |before, most| async move {
                match by_key {
                    // An idempotency key names its escalation, so that the index is not read.
                    Some(ids) => Ok(listed(ids, before.as_deref())),
                    None => store.list_escalations(org, before.as_deref(), most).await,
                }
            },
            |listed| load_if_matching(api, caller, filters, listed),
        )
        .await?;
    Ok(Json(EscalationListReply { escalations: found.items, pagination_meta: page.meta(found.after) }))
}

/// Entries of the list index for escalations whose ids are known.
fn listed(ids: &[String], before: Option<&str>) -> Vec<Listed> {
    let mut ids: Vec<&String> =
        ids.iter().filter(|id| before.is_none_or(|before| id.as_str() < before)).collect();
    ids.sort_by(|a, b| b.cmp(a));
    ids.dedup();
    let entry = |id: &String| Listed { id: id.clone(), state: String::new(), title: String::new() };
    ids.into_iter().map(entry).collect()
}

/// Finds an escalation; `None` if it does not exist or belongs to an incident that the caller does not see.
async fn visible(api: &ApiState, caller: &Caller, id: EscalationId) -> ApiResult<Option<Escalation>> {
    let store = &api.ctx.store;
    let Some(escalation) = store.escalation(caller.org, id).await? else { return Ok(None) };
    let hidden = app::incident::seen::hidden(store, &caller.actor, [escalation.incident]).await?;
    Ok(hidden.is_empty().then_some(escalation))
}

/// Finds an escalation that the caller sees.
///
/// # Errors
/// [`ApiError`] if there is no such escalation.
async fn find(api: &ApiState, caller: &Caller, id: EscalationId) -> ApiResult<Escalation> {
    let escalation = visible(api, caller, id).await?;
    escalation.ok_or_else(|| AppError::not_found("escalation", id).into())
}

/// Reads a listed escalation; `None` if the caller does not see it or it does not pass the filters.
async fn load_if_matching(
    api: &ApiState,
    caller: &Caller,
    filters: &Filters,
    listed: Listed,
) -> ApiResult<Option<EscalationView>> {
    let Ok(id) = listed.id.parse() else { return Ok(None) };
    let Some(escalation) = visible(api, caller, id).await? else { return Ok(None) };
    let path = match &escalation.plan {
        PathRef::Path { id, .. } => Some(id.to_string()),
        PathRef::Users(_) | PathRef::Fallback => None,
    };
    let (alert, incident) =
        (escalation.alert.map(|id| id.to_string()), escalation.incident.map(|id| id.to_string()));
    let keys = filters.values("idempotency_key");
    let optional = |text: &Option<String>| Has::Texts(text.iter().cloned().collect());
    let passes = filters.pass(|field| match field {
        "status" => Has::text(escalation.head().state().name()),
        "escalation_path" => optional(&path),
        "alert" => optional(&alert),
        "incident" => optional(&incident),
        "created_at" => Has::Time(escalation.created_at),
        "updated_at" => Has::Time(escalation.updated_at),
        // The escalation was found by its idempotency key.
        "idempotency_key" => Has::Texts(keys.iter().map(|key| (*key).to_owned()).collect()),
        _ => Has::nothing(),
    });
    if !passes {
        return Ok(None);
    }
    EscalationView::load(api, caller, &escalation).await.map(Some)
}

async fn show(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<EscalationId>,
) -> ApiResult<Json<EscalationReply>> {
    let escalation = find(&api, &caller, id).await?;
    Ok(Json(EscalationReply { escalation: EscalationView::load(&api, &caller, &escalation).await? }))
}

/// A response to an escalation.
#[derive(Deserialize, JsonSchema)]
struct EscalationResponsePayload {
    /// `ack` acknowledges the escalation. The other responses are not supported for API keys.
    response: EscalationResponse,
}

/// The responses to an escalation.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum EscalationResponse {
    Ack,
    Nack,
    Snooze,
}

async fn respond(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<EscalationId>,
    JsonBody { body, .. }: JsonBody<EscalationResponsePayload>,
) -> ApiResult<StatusCode> {
    let ctx = &api.ctx;
    match body.response {
        EscalationResponse::Ack => {
            let answered = acknowledge(&ctx.store, &caller.actor, id, ctx.now()).await?;
            check_state(&answered, EscalationState::Acked)
        }
        EscalationResponse::Nack => {
            find(&api, &caller, id).await?;
            Err(ApiError::invalid("response", "An API key cannot respond with `nack`: only a person can"))
        }
        EscalationResponse::Snooze => {
            find(&api, &caller, id).await?;
            Err(ApiError::invalid("response", "`snooze` is not supported yet: use `ack`"))
        }
    }
}

async fn cancel_one(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<EscalationId>,
) -> ApiResult<StatusCode> {
    let ctx = &api.ctx;
    let answered = cancel(&ctx.store, &caller.actor, id, ctx.now()).await?;
    check_state(&answered, EscalationState::Cancelled)
}

/// Succeeds if the escalation has the wanted state, whether it got it now or had it already.
///
/// # Errors
/// [`ApiError`] if the escalation has another state.
fn check_state(answered: &StopOutcome, wanted: EscalationState) -> ApiResult<StatusCode> {
    let escalation: &Escalation = answered.escalation();
    let state = escalation.head().state();
    if state == wanted {
        return Ok(StatusCode::OK);
    }
    Err(ApiError::conflict(format!("The escalation is already {}", state.name())))
}
