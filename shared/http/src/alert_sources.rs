//! Alert sources: their configuration, their addresses and secrets, and test alerts.

mod expressions;
mod intake;
mod options;
mod preview;

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
use domain::alert::attribute::Bound;
use domain::id::SourceId;
use domain::source::{Source, SourceKind, SourceState, Template};
use domain::trace::Trace;
use http::{Request, StatusCode};
use machine::{State as _, Stateful};
use runtime::Tracing;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sources::{Endpoint, Kind};
use tower::ServiceExt;

use crate::api::{Answer, Id, InTrace, Sent, Shared, guarded};
use crate::auth::Caller;
use crate::binding::{BindingBody, GroupBody, labelled};
use crate::operation::{Operation, Resource};
use crate::{ApiError, alert_source_types};

use expressions::ExpressionBody;
use options::BoundBody;

/// The operations on alert sources.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Alert sources",
    operations: &[
        Operation::get("/v2/alert_sources", "Lists alert sources", || routing::get(list))
            .needs(Permission::SeeOnCall)
            .answers(200, "{alert_sources*: [AlertSource]}"),
        Operation::post("/v2/alert_sources", "Creates an alert source", || routing::post(create))
            .needs(Permission::ConfigureOnCall)
            .takes("AlertSourcePayload")
            .answers(200, "{alert_source*: AlertSource}"),
        Operation::post(
            "/v2/alert_sources/actions/create_draft",
            "Creates a draft alert source, which accepts deliveries and pages nobody until it is activated (Firebell extension)",
            || routing::post(create_draft),
        )
        .needs(Permission::ConfigureOnCall)
        .takes("AlertSourcePayload")
        .answers(200, "{alert_source*: AlertSource}"),
        Operation::post(
            "/v2/alert_sources/actions/validate",
            "Validates the configuration of an alert source",
            || routing::post(validate),
        )
        .needs(Permission::ConfigureOnCall)
        .takes("AlertSourcePayload")
        .answers_nothing(204),
        Operation::post(
            "/v2/alert_sources/actions/preview_alerts",
            "Previews the alerts that an alert source would create from a payload or from its last events (Firebell extension)",
            || routing::post(preview::preview),
        )
        .needs(Permission::ConfigureOnCall)
        .takes("AlertSourceTrial")
        .answers(200, "{alerts*: [AlertPreview]}"),
        Operation::get("/v2/alert_sources/{id}", "Shows an alert source", || routing::get(show))
            .needs(Permission::SeeOnCall)
            .answers(200, "{alert_source*: AlertSource}"),
        Operation::put("/v2/alert_sources/{id}", "Updates an alert source", || routing::put(update))
            .needs(Permission::ConfigureOnCall)
            .takes("AlertSourcePayload")
            .answers(200, "{alert_source*: AlertSource}"),
        Operation::delete("/v2/alert_sources/{id}", "Deletes an alert source", || routing::delete(destroy))
            .needs(Permission::ConfigureOnCall),
        Operation::post(
            "/v2/alert_sources/{id}/actions/activate",
            "Activates a draft alert source once it has received an event (Firebell extension)",
            || routing::post(activate),
        )
        .needs(Permission::ConfigureOnCall)
        .answers(200, "{alert_source*: AlertSource}"),
        Operation::post(
            "/v2/alert_sources/{id}/actions/backfill",
            "Evaluates the attributes of the alerts of the last 30 days again, in the background (Firebell extension)",
            || routing::post(backfill),
        )
        .needs(Permission::ConfigureOnCall)
        .answers(202, "{backfill*: Backfill}"),
        Operation::post(
            "/v2/alert_sources/{id}/actions/rotate_secret",
            "Rotates the secret. The previous secret stays valid for 24 hours, or for `overlap_hours` (Firebell extension)",
            || routing::post(rotate),
        )
        .needs(Permission::ConfigureOnCall)
        .takes("{secret_token: string, overlap_hours: integer}")
        .answers(200, "{alert_source*: AlertSource}"),
        Operation::post(
            "/v2/alert_sources/{id}/actions/send_test",
            "Sends a test alert, which pages the on-call person (Firebell extension)",
            || routing::post(send_test),
        )
        .needs(Permission::ConfigureOnCall)
        .answers(202, "Accepted"),
    ],
    shapes: &[
        (
            "AlertSource",
            "{id*: id, name*: string, source_type*: string, template*: AlertTemplate, \
             alert_events_url*: string, secret_token*: string, state*: draft|active|disabled, disabled*: boolean, \
             filter_condition_groups*: [any], rate_limit: RateLimit, rate_limit_sharding: RateLimitSharding, \
             auto_resolve_timeout_minutes: integer, auto_resolve_incident_alerts: boolean, \
             email_options: EmailOptions, heartbeat_options: HeartbeatOptions, heartbeat: {status*: waiting|healthy|missed|idle|gone, last_ping_at: time}, \
             filtered: [{day*: string, count*: integer, last_title*: string, last_at*: time}], \
             last_event: {received_at*: time, title*: string, status*: firing|resolved, deduplication_key*: string}, \
             backfill: Backfill, created_at*: time, previous_secret_valid_until: time, last_delivery_at: time, last_error: {at*: time, reason*: string}}",
        ),
        (
            "AlertSourcePayload",
            "{name: string, source_type: string, template*: AlertTemplate, disabled: boolean, secret_token: string, \
             filter_condition_groups: [any], rate_limit: RateLimit, rate_limit_sharding: RateLimitSharding, \
             auto_resolve_timeout_minutes: integer, auto_resolve_incident_alerts: boolean, \
             email_options: EmailOptions, heartbeat_options: HeartbeatOptions}",
        ),
        (
            "Backfill",
            "{status*: running|done|cancelled, asked_at*: time, back_to*: time, through: time, alerts_read*: integer, \
             alerts_changed*: integer, alerts_skipped*: integer}",
        ),
        (
            "EmailOptions",
            "{email_address: string, transform_expression: string, \
             redactions: [credit_card_numbers|us_social_security_numbers|phone_numbers]}",
        ),
        (
            "HeartbeatOptions",
            "{interval_seconds*: integer, grace_period_seconds: integer, failure_threshold: integer, ping_url: string}",
        ),
        ("RateLimit", "{alerts_per_minute*: integer}"),
        ("RateLimitSharding", "{rate_limit_shard_key_path*: string}"),
        (
            "AlertSourceTrial",
            "{name: string, source_type: string, template*: AlertTemplate, payload: any, alert_source_id: id}",
        ),
        (
            "AlertPreview",
            "{alert_id: id, filtered*: boolean, title*: string, description: string, status*: firing|resolved, \
             deduplication_key*: string, source_url: string, priority: string, attributes*: [AlertAttributeSaid], \
             problems*: [string], routing: string, alert_routes*: [{id*: id, name*: string}], \
             escalations*: [{escalation_path_id: id, levels*: [{users*: [{id*: id, name*: string}]}]}], \
             incident_name: string}",
        ),
        (
            "AlertTemplate",
            "{title*: Binding, description*: Binding, attributes: [any], expressions: [Expression], \
             is_private: boolean}",
        ),
        (
            "Expression",
            "{label*: string, reference*: string, root_reference*: string, operations*: [any], else_branch: any}",
        ),
    ],
};

/// Creates the router for alert sources.
pub fn router(ctx: Context) -> axum::Router {
    guarded(RESOURCE.routes().merge(alert_source_types::RESOURCE.routes()), ctx)
}

/// The fields of a source in a request that are evaluated. All other fields are stored and returned unchanged.
#[derive(Deserialize)]
struct SourceBody {
    #[serde(default)]
    name: String,
    source_type: Option<SourceKind>,
    disabled: Option<bool>,
    secret_token: Option<String>,
    template: TemplateBody,
    filter_condition_groups: Option<Vec<GroupBody>>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// The template in a request.
#[derive(Deserialize)]
struct TemplateBody {
    title: BindingBody,
    description: BindingBody,
    attributes: Option<Vec<AttributeBody>>,
    expressions: Option<Vec<ExpressionBody>>,
}

/// The binding of an attribute in a request.
#[derive(Clone, Deserialize)]
struct AttributeBody {
    alert_attribute_id: String,
    binding: BoundBody,
}

/// Most attributes that a source may bind.
const MAX_ATTRIBUTES: usize = 50;

/// Converts the bindings of attributes.
fn attributes(bodies: Vec<AttributeBody>) -> Answer<Vec<Bound>> {
    if bodies.len() > MAX_ATTRIBUTES {
        let reason = format!("An alert source can bind at most {MAX_ATTRIBUTES} attributes");
        return Err(ApiError::invalid("template.attributes", reason));
    }
    let bound = bodies.into_iter().enumerate().map(|(n, body)| {
        let at = format!("template.attributes.{n}");
        let attribute = body.alert_attribute_id.parse().map_err(|_| {
            ApiError::invalid(format!("{at}.alert_attribute_id"), "There is no alert attribute with this id")
        })?;
        body.binding.bound(attribute, &format!("{at}.binding"))
    });
    bound.collect()
}

/// Options of kinds of alert sources that incident.io has and Firebell does not.
const UNSUPPORTED_OPTIONS: &[&str] = &["azure_devops_options", "jira_options"];

impl SourceBody {
    /// The template for a source of this kind.
    ///
    /// # Errors
    /// [`ApiError`] naming the field that cannot be honoured.
    fn template(&self, kind: Option<&SourceKind>) -> Answer<Template> {
        let template = &self.template;
        for option in UNSUPPORTED_OPTIONS {
            if self.rest.get(*option).is_some_and(|value| !value.is_null()) {
                return Err(ApiError::invalid(*option, "This kind of alert source has no such options"));
            }
        }
        let (custom, redactions) = options::custom(kind.map(|kind| kind.0.as_str()), &self.rest)?;
        Ok(Template {
            title: template.title.clone().text("template.title")?,
            description: template.description.clone().text("template.description")?,
            attributes: attributes(template.attributes.clone().unwrap_or_default())?,
            custom,
            redactions,
            expressions: expressions::read(template.expressions.clone().unwrap_or_default())?,
            priority: options::priority(&self.rest)?,
        })
    }

    /// The kind, which is required.
    fn kind(&self) -> Answer<SourceKind> {
        self.source_type.clone().ok_or_else(|| ApiError::required("source_type"))
    }
}

/// The part of a request that is stored. Fields that the response computes itself are removed.
fn kept(document: Value) -> Answer<domain::text::Document> {
    Sent::<SourceBody>::kept(
        document,
        &[
            "id",
            "name",
            "source_type",
            "disabled",
            "secret_token",
            "state",
            "filtered",
            "last_event",
            "backfill",
            "heartbeat",
        ],
    )
}

async fn create(State(desk): Shared, caller: Caller, sent: Sent<SourceBody>) -> Answer<Json<Value>> {
    create_source(&desk.ctx, &caller, sent, false).await
}

async fn create_draft(State(desk): Shared, caller: Caller, sent: Sent<SourceBody>) -> Answer<Json<Value>> {
    create_source(&desk.ctx, &caller, sent, true).await
}

/// Creates a source, as a draft or active.
async fn create_source(
    ctx: &Context,
    caller: &Caller,
    Sent { body, document }: Sent<SourceBody>,
    draft: bool,
) -> Answer<Json<Value>> {
    let (now, kind) = (ctx.now(), body.kind()?);
    let template = body.template(Some(&kind))?;
    let receives_email = sources::get(&kind.0).is_some_and(|kind| kind.endpoint() == Endpoint::Email);
    if receives_email && ctx.mail.domain.is_none() {
        let reason = "This installation cannot receive email. Deploy it with the parameter MailDomain, or set \
                      FIREBELL_MAIL_DOMAIN";
        return Err(ApiError::invalid("source_type", reason));
    }
    let intake = intake::intake(&body)?;
    let id = SourceId::new(now, ctx.random());
    let new = NewSource {
        id,
        name: body.name,
        kind,
        secret: body.secret_token.map(SecretString::from),
        template,
        intake,
        draft,
        document: kept(document)?,
    };
    let source =
        app::source::create::create(&ctx.store, &ctx.seal, &caller.actor, new, &ctx.random, now).await?;
    shown_alone(ctx, &source)
}

async fn validate(
    State(desk): Shared,
    caller: Caller,
    Sent { body, .. }: Sent<SourceBody>,
) -> Answer<StatusCode> {
    let kind = body.kind()?;
    let template = body.template(Some(&kind))?;
    if let Some(secret) = body.secret_token.clone().map(SecretString::from) {
        app::source::check_secret(&secret)?;
    }
    // A source that is only validated needs no name.
    app::source::create::check("validated", &kind, &template)?;
    app::source::create::check_intake(&kind, &intake::intake(&body)?, &template)?;
    app::source::check_attributes(&desk.ctx.store, caller.org, &template).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list(State(desk): Shared, caller: Caller) -> Answer<Json<Value>> {
    let found = desk.ctx.store.sources_after(caller.org, None, usize::MAX).await?;
    let there = found.iter().filter(|source| source.head().state() != SourceState::Destroyed);
    let sources = there.map(|source| shown(&desk.ctx, source)).collect::<Answer<Vec<_>>>()?;
    Ok(Json(json!({ "alert_sources": sources })))
}

async fn show(State(desk): Shared, caller: Caller, Id(id): Id<SourceId>) -> Answer<Json<Value>> {
    let ctx = &desk.ctx;
    let source = find(&ctx.store, caller.org, id).await?;
    let mut alone = shown(ctx, &source)?;
    let place = (caller.org, id);
    let filtered = ctx.store.filtered(place, FILTERED_DAYS).await.map_err(AppError::from)?;
    let is_draft = source.head().state() == SourceState::Draft;
    let sample =
        if is_draft { ctx.store.sample(caller.org, id).await.map_err(AppError::from)? } else { None };
    intake::show(&mut alone, &filtered, sample.as_ref());
    if source.intake.beat.is_some() {
        let job = ctx.store.heartbeat(caller.org, id).await.map_err(AppError::from)?;
        alone["heartbeat"] = intake::heartbeat(job.as_ref());
    }
    if let Some(backfill) = ctx.store.backfill(caller.org, id).await.map_err(AppError::from)? {
        alone["backfill"] = intake::backfill(&backfill);
    }
    Ok(Json(json!({ "alert_source": alone })))
}

/// Number of days for which filtered events are shown.
pub(crate) const FILTERED_DAYS: usize = 7;

async fn backfill(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id<SourceId>,
    InTrace(trace): InTrace,
) -> Answer<(StatusCode, Json<Value>)> {
    let ctx = &desk.ctx;
    let begun =
        app::source::backfill::begin(&ctx.store, &caller.actor, (id, trace), &ctx.random, ctx.now()).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "backfill": intake::backfill(&begun) }))))
}

async fn activate(State(desk): Shared, caller: Caller, Id(id): Id<SourceId>) -> Answer<Json<Value>> {
    let ctx = &desk.ctx;
    let source =
        app::source::activate::activate(&ctx.store, &caller.actor, id, &ctx.random, ctx.now()).await?;
    shown_alone(ctx, &source)
}

async fn update(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id<SourceId>,
    Sent { body, document }: Sent<SourceBody>,
) -> Answer<Json<Value>> {
    let ctx = &desk.ctx;
    let before = find(&ctx.store, caller.org, id).await?;
    if body.source_type.as_ref().is_some_and(|kind| *kind != before.kind) {
        return Err(ApiError::invalid(
            "source_type",
            "The kind of an alert source cannot be changed. Create another alert source instead",
        ));
    }
    let (template, intake) = (body.template(Some(&before.kind))?, intake::intake(&body)?);
    let change = Change {
        name: body.name,
        secret: body.secret_token.map(SecretString::from),
        template,
        intake,
        disabled: body.disabled,
        document: kept(document)?,
    };
    let source =
        app::source::update::update(&ctx.store, &ctx.seal, &caller.actor, id, change, &ctx.random, ctx.now())
            .await?;
    shown_alone(ctx, &source)
}

/// The body of a request that rotates a secret.
#[derive(Deserialize)]
struct RotationBody {
    secret_token: Option<String>,
    overlap_hours: Option<u16>,
}

async fn rotate(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id<SourceId>,
    Sent { body, .. }: Sent<RotationBody>,
) -> Answer<Json<Value>> {
    let ctx = &desk.ctx;
    let rotation = Rotation {
        secret: body.secret_token.map(SecretString::from),
        overlap_hours: body.overlap_hours.unwrap_or(DEFAULT_OVERLAP_HOURS),
    };
    let (which, now) = ((id, &rotation), ctx.now());
    let source =
        app::source::rotate::rotate(&ctx.store, &ctx.seal, &caller.actor, which, &ctx.random, now).await?;
    shown_alone(ctx, &source)
}

async fn destroy(State(desk): Shared, caller: Caller, Id(id): Id<SourceId>) -> Answer<StatusCode> {
    let ctx = &desk.ctx;
    app::source::destroy::destroy(&ctx.store, &caller.actor, id, &ctx.random, ctx.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn send_test(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id<SourceId>,
    InTrace(trace): InTrace,
) -> Answer {
    send_example(&desk.ctx, &find(&desk.ctx.store, caller.org, id).await?, trace).await
}

/// Delivers the example of a source's kind as its sender would. The same router verifies, parses and queues it, so the
/// test alert pages.
///
/// # Errors
/// [`ApiError`] if the source is disabled, or its kind is unknown.
pub(crate) async fn send_example(ctx: &Context, source: &Source, trace: Trace) -> Answer {
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

/// The ping address of a heartbeat with its secret, for jobs that can only request an address.
fn ping_url(ctx: &Context, source: &Source, secret: &str) -> String {
    let secret = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC);
    format!("{}?token={secret}", address(&ctx.public_url, source))
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

fn shown_alone(ctx: &Context, source: &Source) -> Answer<Json<Value>> {
    Ok(Json(json!({ "alert_source": shown(ctx, source)? })))
}

/// A source in a response: the stored request, the computed fields, and the state.
fn shown(ctx: &Context, source: &Source) -> Answer<Value> {
    let mut shown = labelled(source.document.0.clone());
    if !shown.is_object() {
        shown = json!({});
    }
    let template = labelled(json!({
        "title": binding(&source.template.title),
        "description": binding(&source.template.description),
    }));
    shown["id"] = json!(source.id);
    shown["name"] = json!(source.name);
    shown["source_type"] = json!(source.kind);
    shown["template"]["title"] = template["title"].clone();
    shown["template"]["description"] = template["description"].clone();
    for (field, default) in
        [("attributes", json!([])), ("expressions", json!([])), ("is_private", json!(false))]
    {
        if shown["template"].get(field).is_none() {
            shown["template"][field] = default;
        }
    }
    expressions::show(&source.template.expressions, &mut shown["template"]["expressions"]);
    let secret = app::source::open_secret(&ctx.seal, source.id, &source.secret)?;
    shown["alert_events_url"] = json!(address(&ctx.public_url, source));
    shown["secret_token"] = json!(secret.expose_secret());
    shown["state"] = json!(source.head().state().name());
    if shown.get("filter_condition_groups").is_none() {
        shown["filter_condition_groups"] = json!([]);
    }
    shown["disabled"] = json!(source.head().state() == SourceState::Disabled);
    if let Some(beat) = &source.intake.beat {
        shown["heartbeat_options"] = intake::beat(beat, &ping_url(ctx, source, secret.expose_secret()));
    }
    if let Some(address) = mail_address(ctx, source, secret.expose_secret()) {
        shown["email_options"] = options::email(&address, &source.template);
    }
    shown["created_at"] = json!(source.created_at);
    if let Some(previous) = source.previous.as_ref().filter(|previous| previous.holds(ctx.now())) {
        shown["previous_secret_valid_until"] = json!(previous.until);
    }
    if let Some(at) = source.last_delivery_at {
        shown["last_delivery_at"] = json!(at);
    }
    if let Some(error) = &source.last_error {
        shown["last_error"] = json!({ "at": error.at, "reason": error.reason });
    }
    Ok(shown)
}

/// A binding in a response.
fn binding(binding: &domain::template::Binding) -> Value {
    match binding {
        domain::template::Binding::Literal(text) | domain::template::Binding::Template(text) => {
            json!({ "literal": text })
        }
        domain::template::Binding::Reference(reference) => json!({ "reference": reference }),
    }
}
