//! Alert sources: their configuration, their addresses and secrets, and test alerts.

mod expressions;
mod payload;
mod preview;
mod view;

use app::source::create::NewSource;
use app::source::find;
use app::source::rotate::{DEFAULT_OVERLAP_HOURS, Rotation};
use app::source::update::Change;
use app::{AppError, Context};
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::{Json, routing};
use domain::access::Permission;
use domain::id::SourceId;
use domain::source::{Source, SourceState, WithoutAlert};
use domain::text::Document;
use domain::trace::Trace;
use http::{Request, StatusCode};
use machine::Stateful;
use runtime::Tracing;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sources::{Endpoint, Kind};
use tower::ServiceExt;

use crate::api::{ApiResult, JsonBody, RequestTrace, SharedState, guarded, stored_document};
use crate::auth::Caller;
use crate::operation::{Operation, Resource};
use crate::schema::Id;
use crate::source::AcceptedReply;
use crate::{ApiError, alert_source_types};

use payload::AlertSourcePayload;
use view::{AlertSourceView, BackfillView};

/// The operations on alert sources.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Alert sources",
    operations: &[
        Operation::get("/v2/alert_sources", "Lists alert sources", || routing::get(list))
            .needs(Permission::SeeOnCall)
            .reply::<AlertSourceListReply>(200),
        Operation::post("/v2/alert_sources", "Creates an alert source", || routing::post(create))
            .needs(Permission::ConfigureOnCall)
            .body::<AlertSourcePayload>()
            .reply::<AlertSourceReply>(200),
        Operation::post(
            "/v2/alert_sources/actions/create_draft",
            "Creates a draft alert source, which accepts deliveries and pages nobody until it is activated (Firebell \
             extension)",
            || routing::post(create_draft),
        )
        .needs(Permission::ConfigureOnCall)
        .body::<AlertSourcePayload>()
        .reply::<AlertSourceReply>(200),
        Operation::post(
            "/v2/alert_sources/actions/validate",
            "Validates the configuration of an alert source",
            || routing::post(validate),
        )
        .needs(Permission::ConfigureOnCall)
        .body::<AlertSourcePayload>()
        .empty_reply(204),
        Operation::post(
            "/v2/alert_sources/actions/preview_alerts",
            "Previews the alerts that an alert source would create from a payload or from its last events (Firebell \
             extension)",
            || routing::post(preview::preview),
        )
        .needs(Permission::ConfigureOnCall)
        .body::<preview::AlertSourcePreviewPayload>()
        .reply::<preview::PreviewReply>(200),
        Operation::get("/v2/alert_sources/{id}", "Shows an alert source", || routing::get(show))
            .needs(Permission::SeeOnCall)
            .reply::<AlertSourceReply>(200),
        Operation::put("/v2/alert_sources/{id}", "Updates an alert source", || routing::put(update))
            .needs(Permission::ConfigureOnCall)
            .body::<AlertSourcePayload>()
            .reply::<AlertSourceReply>(200),
        Operation::delete("/v2/alert_sources/{id}", "Deletes an alert source", || routing::delete(destroy))
            .needs(Permission::ConfigureOnCall),
        Operation::post(
            "/v2/alert_sources/{id}/actions/activate",
            "Activates a draft alert source once it has received an event (Firebell extension)",
            || routing::post(activate),
        )
        .needs(Permission::ConfigureOnCall)
        .reply::<AlertSourceReply>(200),
        Operation::post(
            "/v2/alert_sources/{id}/actions/backfill",
            "Evaluates the attributes of the alerts of the last 30 days again, in the background (Firebell extension)",
            || routing::post(backfill),
        )
        .needs(Permission::ConfigureOnCall)
        .reply::<BackfillReply>(202),
        Operation::post(
            "/v2/alert_sources/{id}/actions/rotate_secret",
            "Rotates the secret. The previous secret stays valid for 24 hours, or for `overlap_hours` (Firebell \
             extension)",
            || routing::post(rotate),
        )
        .needs(Permission::ConfigureOnCall)
        .body::<SecretRotationPayload>()
        .reply::<AlertSourceReply>(200),
        Operation::post(
            "/v2/alert_sources/{id}/actions/send_test",
            "Sends a test alert, which pages the on-call person (Firebell extension)",
            || routing::post(send_test),
        )
        .needs(Permission::ConfigureOnCall)
        .reply::<AcceptedReply>(202),
    ],
};

/// Creates the router for alert sources.
pub fn router(ctx: Context) -> axum::Router {
    guarded(RESOURCE.routes().merge(alert_source_types::RESOURCE.routes()), ctx)
}

/// A reply with an alert source.
#[derive(Serialize, JsonSchema)]
struct AlertSourceReply {
    alert_source: AlertSourceView,
}

impl AlertSourceReply {
    fn new(ctx: &Context, source: &Source) -> ApiResult<Json<Self>> {
        Ok(Json(Self { alert_source: AlertSourceView::new(ctx, source)? }))
    }
}

/// A reply with all alert sources.
#[derive(Serialize, JsonSchema)]
struct AlertSourceListReply {
    alert_sources: Vec<AlertSourceView>,
}

/// A reply with a backfill.
#[derive(Serialize, JsonSchema)]
struct BackfillReply {
    backfill: BackfillView,
}

/// The document that is stored with a source. It does not hold the fields that Firebell shows itself.
///
/// # Errors
/// [`ApiError`] if the document is too large.
fn source_document(document: Value) -> ApiResult<Document> {
    let own = [
        "id",
        "name",
        "source_type",
        "disabled",
        "secret_token",
        "state",
        "filtered",
        "unmatched_ends",
        "last_event",
        "backfill",
        "heartbeat",
    ];
    stored_document(document, &own)
}

async fn create(
    State(api): SharedState,
    caller: Caller,
    body: JsonBody<AlertSourcePayload>,
) -> ApiResult<Json<AlertSourceReply>> {
    create_source(&api.ctx, &caller, body, false).await
}

async fn create_draft(
    State(api): SharedState,
    caller: Caller,
    body: JsonBody<AlertSourcePayload>,
) -> ApiResult<Json<AlertSourceReply>> {
    create_source(&api.ctx, &caller, body, true).await
}

/// Creates a source, as a draft or active.
async fn create_source(
    ctx: &Context,
    caller: &Caller,
    JsonBody { body, document }: JsonBody<AlertSourcePayload>,
    draft: bool,
) -> ApiResult<Json<AlertSourceReply>> {
    let (now, kind) = (ctx.now(), body.kind()?);
    let template = body.template(Some(&kind))?;
    let receives_email = sources::get(&kind.0).is_some_and(|kind| kind.endpoint() == Endpoint::Email);
    if receives_email && ctx.mail.domain.is_none() {
        let reason = "This installation cannot receive email. Deploy it with the parameter MailDomain, or set \
                      FIREBELL_MAIL_DOMAIN";
        return Err(ApiError::invalid("source_type", reason));
    }
    let intake = body.intake()?;
    let id = SourceId::new(now, ctx.random());
    let new = NewSource {
        id,
        name: body.name,
        kind,
        secret: body.secret_token.map(SecretString::from),
        template,
        intake,
        draft,
        document: source_document(document)?,
    };
    let source =
        app::source::create::create(&ctx.store, &ctx.seal, &caller.actor, new, &ctx.random, now).await?;
    AlertSourceReply::new(ctx, &source)
}

async fn validate(
    State(api): SharedState,
    caller: Caller,
    JsonBody { body, .. }: JsonBody<AlertSourcePayload>,
) -> ApiResult<StatusCode> {
    let kind = body.kind()?;
    let template = body.template(Some(&kind))?;
    if let Some(secret) = body.secret_token.clone().map(SecretString::from) {
        app::source::check_secret(&secret)?;
    }
    // A source that is only validated needs no name.
    app::source::create::check("validated", &kind, &template)?;
    app::source::create::check_intake(&kind, &body.intake()?, &template)?;
    app::source::check_attributes(&api.ctx.store, caller.org, &template).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list(State(api): SharedState, caller: Caller) -> ApiResult<Json<AlertSourceListReply>> {
    let found = api.ctx.store.sources_after(caller.org, None, usize::MAX).await?;
    let there = found.iter().filter(|source| source.head().state() != SourceState::Destroyed);
    let alert_sources =
        there.map(|source| AlertSourceView::new(&api.ctx, source)).collect::<ApiResult<_>>()?;
    Ok(Json(AlertSourceListReply { alert_sources }))
}

/// Number of days for which events that did not become alerts are shown.
pub(crate) const WITHOUT_ALERT_DAYS: usize = 7;

/// Shows a source, with the parts that are read apart and that lists leave out.
async fn show(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<SourceId>,
) -> ApiResult<Json<AlertSourceReply>> {
    let (ctx, place) = (&api.ctx, (caller.org, id));
    let source = find(&ctx.store, caller.org, id).await?;
    let mut view = AlertSourceView::new(ctx, &source)?;
    let without_alert = |why| ctx.store.without_alert(place, why, WITHOUT_ALERT_DAYS);
    let filtered = without_alert(WithoutAlert::Filtered).await.map_err(AppError::from)?;
    let unmatched_ends = without_alert(WithoutAlert::UnmatchedEnd).await.map_err(AppError::from)?;
    view.set_without_alert(filtered, unmatched_ends);
    if source.head().state() == SourceState::Draft {
        view.set_last_event(ctx.store.sample(caller.org, id).await.map_err(AppError::from)?);
    }
    if source.intake.beat.is_some() {
        view.set_heartbeat(ctx.store.heartbeat(caller.org, id).await.map_err(AppError::from)?.as_ref());
    }
    if let Some(backfill) = ctx.store.backfill(caller.org, id).await.map_err(AppError::from)? {
        view.set_backfill(&backfill);
    }
    Ok(Json(AlertSourceReply { alert_source: view }))
}

async fn backfill(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<SourceId>,
    RequestTrace(trace): RequestTrace,
) -> ApiResult<(StatusCode, Json<BackfillReply>)> {
    let ctx = &api.ctx;
    let begun =
        app::source::backfill::begin(&ctx.store, &caller.actor, (id, trace), &ctx.random, ctx.now()).await?;
    Ok((StatusCode::ACCEPTED, Json(BackfillReply { backfill: (&begun).into() })))
}

async fn activate(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<SourceId>,
) -> ApiResult<Json<AlertSourceReply>> {
    let ctx = &api.ctx;
    let source =
        app::source::activate::activate(&ctx.store, &caller.actor, id, &ctx.random, ctx.now()).await?;
    AlertSourceReply::new(ctx, &source)
}

async fn update(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<SourceId>,
    JsonBody { body, document }: JsonBody<AlertSourcePayload>,
) -> ApiResult<Json<AlertSourceReply>> {
    let ctx = &api.ctx;
    let before = find(&ctx.store, caller.org, id).await?;
    if body.source_type.as_ref().is_some_and(|kind| *kind != before.kind) {
        return Err(ApiError::invalid(
            "source_type",
            "The kind of an alert source cannot be changed. Create another alert source instead",
        ));
    }
    let (template, intake) = (body.template(Some(&before.kind))?, body.intake()?);
    let change = Change {
        name: body.name,
        secret: body.secret_token.map(SecretString::from),
        template,
        intake,
        disabled: body.disabled,
        document: source_document(document)?,
    };
    let source =
        app::source::update::update(&ctx.store, &ctx.seal, &caller.actor, id, change, &ctx.random, ctx.now())
            .await?;
    AlertSourceReply::new(ctx, &source)
}

/// How the secret of an alert source is rotated.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "AlertSourceSecretRotationPayload")]
struct SecretRotationPayload {
    /// The new secret. Firebell makes one if this is absent.
    secret_token: Option<String>,
    /// For how many hours the previous secret stays valid.
    overlap_hours: Option<u16>,
}

async fn rotate(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<SourceId>,
    JsonBody { body, .. }: JsonBody<SecretRotationPayload>,
) -> ApiResult<Json<AlertSourceReply>> {
    let ctx = &api.ctx;
    let rotation = Rotation {
        secret: body.secret_token.map(SecretString::from),
        overlap_hours: body.overlap_hours.unwrap_or(DEFAULT_OVERLAP_HOURS),
    };
    let (which, now) = ((id, &rotation), ctx.now());
    let source =
        app::source::rotate::rotate(&ctx.store, &ctx.seal, &caller.actor, which, &ctx.random, now).await?;
    AlertSourceReply::new(ctx, &source)
}

async fn destroy(State(api): SharedState, caller: Caller, Id(id): Id<SourceId>) -> ApiResult<StatusCode> {
    let ctx = &api.ctx;
    app::source::destroy::destroy(&ctx.store, &caller.actor, id, &ctx.random, ctx.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn send_test(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<SourceId>,
    RequestTrace(trace): RequestTrace,
) -> ApiResult {
    send_example(&api.ctx, &find(&api.ctx.store, caller.org, id).await?, trace).await
}

/// Delivers the example of a source's kind as its sender would. The same router verifies, parses and queues it, so the
/// test alert pages.
///
/// # Errors
/// [`ApiError`] if the source is disabled, or its kind is unknown.
pub(crate) async fn send_example(ctx: &Context, source: &Source, trace: Trace) -> ApiResult {
    if source.head().state() == SourceState::Disabled {
        return Err(ApiError::conflict(
            "The alert source is disabled. Enable it before you send a test alert",
        ));
    }
    let kind = Kind::try_from(&source.kind)
        .map_err(|unknown| ApiError::invalid("source_type", unknown.to_string()))?;
    let secret = app::source::open_secret(&ctx.seal, source.id, &source.secret)?;
    let body = kind.get().example().to_string();
    let mut delivery = Request::post(kind.get().delivery_path(&source.id.to_string()))
        .extension(Tracing(trace))
        .extension(crate::sns::OwnExample)
        .body(Body::from(body.clone()))
        .map_err(|_| ApiError::unavailable())?;
    kind.get().sign(delivery.headers_mut(), body.as_bytes(), &secret, ctx.now());
    let delivered: Result<Response, std::convert::Infallible> =
        crate::source::router(kind, ctx.clone()).oneshot(delivery).await;
    match delivered {
        Ok(response) => Ok(response),
        Err(never) => match never {},
    }
}

/// The email address of a source. `None` if its kind or this installation receives no emails.
pub(crate) fn mail_address(ctx: &Context, source: &Source, secret: &str) -> Option<String> {
    let domain = ctx.mail.domain.as_ref()?;
    let local = sources::get(&source.kind.0)?.mail_address(&source.id.to_string(), secret.as_bytes())?;
    Some(format!("{local}@{domain}"))
}

/// The address of a source, where its sender posts or its job pings. A source of an unknown kind, which a newer version
/// created, has the address that most kinds have.
pub(crate) fn address(public_url: &str, source: &Source) -> String {
    let id = source.id.to_string();
    let path = match sources::get(&source.kind.0) {
        Some(kind) => kind.address_path(&id),
        None => format!("/v2/alert_events/{}/{id}", source.kind),
    };
    format!("{public_url}{path}")
}
