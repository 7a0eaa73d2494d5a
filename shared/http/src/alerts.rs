//! Alerts: listed, shown with the text of their newest event, resolved and fired again by hand.

mod notes;

use app::alert::retrigger::Retriggered;
use app::{AppError, Context};
use axum::extract::State;
use axum::{Json, routing};
use domain::access::Permission;
use domain::alert::{Alert, AlertAttribute, AlertState, Body, Routing};
use domain::id::{AlertId, OrgId, SourceId};
use domain::text::fingerprint;
use http::StatusCode;
use machine::{State as _, Stateful};
use schemars::JsonSchema;
use serde::Serialize;
use store::{Listed, Order, Store};

use crate::ApiError;
use crate::alert_attributes::AlertAttributeView;
use crate::api::{ApiResult, SharedState, guarded};
use crate::auth::Caller;
use crate::incident_alerts;
use crate::operation::{AFTER, Operation, PAGE_SIZE, Resource};
use crate::page::{IndexScan, PageRequest, PaginationView};
use crate::query::{CHOICE, Filters, Has, Operator, Query, SAME, TIME};
use crate::schema::Id;
use crate::slim::{AlertSlimView, updated_at};

/// The most alerts of a page.
const MAX_PAGE: usize = 50;

/// The fields by which alerts are filtered.
const FILTERS: &[(&str, &[Operator])] = &[
    ("status", CHOICE),
    ("deduplication_key", SAME),
    ("alert_source", CHOICE),
    ("alert_group_id", CHOICE),
    ("attributes[]", ATTRIBUTE),
    ("id", CHOICE),
    ("priority", CHOICE),
    ("has_notes", SAME),
    ("tags", TAGS),
    ("created_at", TIME),
    ("updated_at", TIME),
];

/// How tags are filtered.
const TAGS: &[Operator] = &[Operator::OneOf, Operator::AllOf, Operator::NotIn];

/// How attributes are filtered.
const ATTRIBUTE: &[Operator] = &[Operator::Is, Operator::OneOf, Operator::NotIn];

/// The most bytes of a search.
pub(crate) const SEARCH: usize = 200;

/// The operations on alerts.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Alerts",
    operations: &[
        Operation::get("/v2/alerts", "Lists alerts, newest first", || routing::get(list))
            .needs(Permission::SeeOnCall)
            .query(&[
                ("status[one_of]", "Alerts with one of these states. Also not_in"),
                ("deduplication_key[is]", "Alerts with this deduplication key"),
                ("alert_source[one_of]", "Alerts of one of these alert sources. Also not_in"),
                (
                    "alert_group_id[one_of]",
                    "Alerts of one of these groups. The id of a group is the id of its first alert. Also not_in",
                ),
                (
                    "attributes[ID][one_of]",
                    "Alerts whose attribute with this id has one of these values. Also is and not_in",
                ),
                ("id[one_of]", "Alerts with one of these ids. Also not_in"),
                ("has_notes[is]", "`true`: alerts with notes. `false`: alerts without notes"),
                ("tags[one_of]", "Alerts with one of these tags. Also all_of and not_in"),
                ("priority[one_of]", "Alerts with one of these priorities. Also not_in"),
                (
                    "search",
                    "Alerts with all of these words in title, description, deduplication key, link or attributes, in \
                     upper or lower case (Firebell extension). A request searches at most 400 alerts; `after` continues \
                     from there",
                ),
                (
                    "created_at[gte]",
                    "Alerts created at this time or later. Also lte and date_range, and the same for updated_at",
                ),
                PAGE_SIZE,
                AFTER,
            ])
            .reply::<AlertListReply>(200),
        Operation::get("/v2/alerts/{id}", "Shows an alert", || routing::get(show))
            .needs(Permission::SeeOnCall)
            .reply::<AlertReply>(200),
        Operation::post("/v2/alerts/{id}/actions/resolve", "Resolves an alert", || routing::post(resolve))
            .needs(Permission::Respond)
            .reply::<AlertReply>(200),
        Operation::post("/v2/alerts/{id}/actions/retrigger", "Fires a resolved alert again", || {
            routing::post(retrigger)
        })
        .needs(Permission::Respond)
        .reply::<RetriggeredReply>(202),
        Operation::post(
            "/v2/alerts/{id}/actions/set_tags",
            "Replaces the tags of an alert (Firebell extension)",
            || routing::post(notes::tag),
        )
        .needs(Permission::Respond)
        .body::<notes::TagsPayload>()
        .reply::<AlertReply>(200),
        Operation::get("/v2/alert_notes", "Lists the notes of an alert, newest first (Firebell extension)", || {
            routing::get(notes::list)
        })
        .needs(Permission::SeeOnCall)
        .query(&[("alert_id*", "The id of the alert")])
        .reply::<notes::NoteListReply>(200),
        Operation::post("/v2/alert_notes", "Adds a note to an alert (Firebell extension)", || {
            routing::post(notes::write)
        })
        .needs(Permission::Respond)
        .body::<notes::NotePayload>()
        .reply::<notes::NoteReply>(201),
    ],
};

/// The router of alerts.
pub fn router(ctx: Context) -> axum::Router {
    guarded(RESOURCE.routes().merge(incident_alerts::RESOURCE.routes()), ctx)
}

/// An alert.
#[derive(Serialize, JsonSchema)]
struct AlertView {
    #[serde(flatten)]
    slim: AlertSlimView,
    /// The values of the alert's attributes.
    attributes: Vec<AlertAttributeEntryView>,
    /// The tags.
    tags: Vec<TagView>,
    /// The number of notes. Absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    note_count: Option<u32>,
    /// The result of routing: `routed`, `unrouted`, `fallback` or `over`.
    #[schemars(with = "String")]
    routing: Routing,
    /// The rules of the alert source that could not be evaluated for this alert.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
    /// The priority.
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<String>,
    /// `true` if the alert is flapping. Absent otherwise, and in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    flapping: Option<bool>,
}

impl AlertView {
    fn new(alert: &Alert, body: &Body) -> Self {
        Self {
            slim: AlertSlimView::new(alert, body),
            attributes: body.attributes.iter().map(AlertAttributeEntryView::from).collect(),
            tags: alert.tags.iter().map(TagView::from).collect(),
            note_count: (alert.notes > 0).then_some(alert.notes),
            routing: alert.routing,
            problems: body.problems.clone(),
            priority: body.priority.clone(),
            flapping: None,
        }
    }
}

/// The values of an attribute of an alert: one value, or a list if the attribute may have several.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AlertAttributeEntryView {
    /// The attribute.
    attribute: AlertAttributeView,
    /// The value of an attribute that may have only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<AttributeValueView>,
    /// The values of an attribute that may have several.
    #[serde(skip_serializing_if = "Option::is_none")]
    array_value: Option<Vec<AttributeValueView>>,
}

/// A value of an attribute.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct AttributeValueView {
    /// The value.
    literal: String,
    /// The value for people.
    label: String,
}

impl From<&AlertAttribute> for AlertAttributeEntryView {
    fn from(entry: &AlertAttribute) -> Self {
        let value = |text: &String| AttributeValueView { literal: text.clone(), label: text.clone() };
        let mut values = entry.values.iter().map(value);
        let (value, array_value) =
            if entry.attribute.array { (None, Some(values.collect())) } else { (values.next(), None) };
        Self { attribute: AlertAttributeView::new(entry.id, &entry.attribute), value, array_value }
    }
}

/// A tag with the id that it has on every alert.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct TagView {
    id: String,
    name: String,
}

impl From<&String> for TagView {
    fn from(name: &String) -> Self {
        Self { id: domain::alert::note::tag_id(name), name: name.clone() }
    }
}

/// A reply with an alert.
#[derive(Serialize, JsonSchema)]
struct AlertReply {
    alert: AlertView,
}

/// A reply with a page of alerts.
#[derive(Serialize, JsonSchema)]
struct AlertListReply {
    alerts: Vec<AlertView>,
    pagination_meta: PaginationView,
}

/// A reply with the alert that fires now: another one that fires already, or a new one.
#[derive(Serialize, JsonSchema)]
struct RetriggeredReply {
    alert_id: Id<AlertId>,
}

/// Lists alerts, newest first. See `page.rs` for how much of the index one request reads.
async fn list(State(api): SharedState, caller: Caller, query: Query) -> ApiResult<Json<AlertListReply>> {
    let (store, org) = (&api.ctx.store, caller.org);
    let (page, filters) = (PageRequest::read(&query, MAX_PAGE)?, query.filters(FILTERS)?);
    filters.span("updated_at")?;
    filters.allow_states::<AlertState>("status")?;
    filters.allow("has_notes", &["true", "false"])?;
    filters.allow_ids::<AlertId>("id")?;
    filters.allow_ids::<SourceId>("alert_source")?;
    filters.allow_ids::<AlertId>("alert_group_id")?;
    let words = search_words(&query)?;
    let keys = filters.values("deduplication_key");
    let key = keys.first().map(|key| fingerprint(key.as_bytes(), 32));
    let scan = IndexScan {
        page: page.clone(),
        order: Order::Newest,
        created: filters.bound("created_at")?,
        filtered: !filters.is_empty() || !words.is_empty(),
    };
    let (filters, words, key) = (&filters, &*words, key.as_deref());
    let found = scan
        .run(
            |before, most| async move { store.list_alerts(org, before.as_deref(), most).await },
            |listed| load_if_matching(store, org, (filters, words), key, listed),
        )
        .await?;
    Ok(Json(AlertListReply { alerts: found.items, pagination_meta: page.meta(found.after) }))
}

/// Reads a listed alert; `None` if it does not pass the filters.
async fn load_if_matching(
    store: &Store,
    org: OrgId,
    (filters, words): (&Filters, &[String]),
    key: Option<&str>,
    listed: Listed,
) -> ApiResult<Option<AlertView>> {
    let Ok(id) = listed.id.parse() else { return Ok(None) };
    let Some(alert) = store.alert(org, id).await? else { return Ok(None) };
    if key.is_some_and(|key| key != alert.key) {
        return Ok(None);
    }
    let Some(body) = store.alert_body(org, id).await? else { return Ok(None) };
    if !says(&body, words) {
        return Ok(None);
    }
    let source = alert.source.to_string();
    let passes = filters.pass(|field| match field {
        "status" => Has::text(alert.head().state().name()),
        "deduplication_key" => Has::text(&body.deduplication_key),
        "alert_source" => Has::text(&source),
        "created_at" => Has::Time(alert.created_at),
        "updated_at" => Has::Time(updated_at(&alert, &body)),
        "alert_group_id" => Has::Texts(alert.group.iter().map(ToString::to_string).collect()),
        "id" => Has::text(&alert.id.to_string()),
        "has_notes" => Has::text(if alert.notes > 0 { "true" } else { "false" }),
        "tags" => Has::Texts(alert.tags.clone()),
        "priority" => Has::Texts(body.priority.iter().cloned().collect()),
        other => Has::Texts(attribute_values(&body, other.strip_prefix("attributes.").unwrap_or_default())),
    });
    Ok(passes.then(|| AlertView::new(&alert, &body)))
}

/// The words of the parameter `search`.
fn search_words(query: &Query) -> ApiResult<Vec<String>> {
    let text = query.one("search").unwrap_or_default();
    if text.len() > SEARCH {
        return Err(ApiError::invalid(
            "search",
            format!("The search is too long: at most {SEARCH} bytes are allowed"),
        ));
    }
    Ok(words_of(text))
}

/// The words of a search, in lower case.
pub(crate) fn words_of(text: &str) -> Vec<String> {
    text.to_lowercase().split_whitespace().map(str::to_owned).collect()
}

/// Says whether an alert contains all words of a search, which are in lower case.
pub(crate) fn says(body: &Body, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let attributes = body.attributes.iter().flat_map(|entry| &entry.values);
    let texts =
        [Some(&body.title), body.description.as_ref(), body.source_url.as_ref(), body.priority.as_ref()];
    let texts = texts.into_iter().flatten().chain([&body.deduplication_key]).chain(attributes);
    let texts: Vec<String> = texts.map(|text| text.to_lowercase()).collect();
    words.iter().all(|word| texts.iter().any(|text| text.contains(word)))
}

/// The values of an attribute of an alert.
fn attribute_values(body: &Body, attribute: &str) -> Vec<String> {
    let entries = body.attributes.iter().filter(|entry| entry.id.to_string() == attribute);
    entries.flat_map(|entry| entry.values.clone()).collect()
}

async fn show(State(api): SharedState, caller: Caller, Id(id): Id<AlertId>) -> ApiResult<Json<AlertReply>> {
    let store = &api.ctx.store;
    let alert = store.alert(caller.org, id).await?.ok_or_else(|| AppError::not_found("alert", id))?;
    reply(&api.ctx, &alert).await
}

async fn resolve(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<AlertId>,
) -> ApiResult<Json<AlertReply>> {
    let ctx = &api.ctx;
    let alert = app::alert::resolve::resolve(&ctx.store, &caller.actor, id, ctx.now()).await?;
    reply(ctx, &alert).await
}

/// Fires an alert again. The new alert appears shortly after the reply.
async fn retrigger(
    State(api): SharedState,
    caller: Caller,
    Id(id): Id<AlertId>,
) -> ApiResult<(StatusCode, Json<RetriggeredReply>)> {
    let alert = match app::alert::retrigger::retrigger(&api.ctx, &caller.actor, id).await? {
        Retriggered::AlreadyFiring(alert) => alert.id,
        Retriggered::AsAlert(next) => next,
    };
    Ok((StatusCode::ACCEPTED, Json(RetriggeredReply { alert_id: Id(alert) })))
}

/// The reply with one alert. Whether it is flapping is another read, which lists leave out.
async fn reply(ctx: &Context, alert: &Alert) -> ApiResult<Json<AlertReply>> {
    let store = &ctx.store;
    let body = store.alert_body(alert.org, alert.id).await?;
    let body = body.ok_or_else(|| AppError::not_found("alert", alert.id))?;
    let key = store.key(alert.org, alert.source, &alert.key).await?;
    let flapping = key.is_some_and(|row| row.flaps_on(alert, ctx.now()));
    let view = AlertView { flapping: flapping.then_some(true), ..AlertView::new(alert, &body) };
    Ok(Json(AlertReply { alert: view }))
}
