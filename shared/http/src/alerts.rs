//! Alerts: listed, shown as their newest delivery put it, and resolved by hand.

mod notes;

use app::alert::retrigger::Retriggered;
use app::{AppError, Context};
use axum::extract::State;
use axum::{Json, routing};
use domain::access::Permission;
use domain::alert::{Alert, AlertAttribute, AlertState, Attribute, Body};
use domain::id::{AlertId, OrgId};
use domain::text::fingerprint;
use http::StatusCode;
use machine::{State as _, Stateful};
use serde_json::{Value, json};
use store::{Listed, Order, Store};

use crate::ApiError;
use crate::api::{Answer, Id, Shared, guarded};
use crate::auth::Caller;
use crate::incident_alerts;
use crate::operation::{Operation, Resource};
use crate::page::{Asked, Scan};
use crate::query::{CHOICE, Filters, Has, Operator, Query, SAME, TIME};

/// The most alerts of a page.
const MOST: usize = 50;

/// What alerts are filtered by.
const FILTERS: &[(&str, &[Operator])] = &[
    ("status", CHOICE),
    ("deduplication_key", SAME),
    ("alert_source", CHOICE),
    ("alert_group_id", CHOICE),
    ("attributes[]", ANY),
    ("id", CHOICE),
    ("priority", CHOICE),
    ("has_notes", SAME),
    ("tags", TAGS),
    ("created_at", TIME),
    ("updated_at", TIME),
];

/// What tags are filtered by.
const TAGS: &[Operator] = &[Operator::OneOf, Operator::AllOf, Operator::NotIn];

/// What an attribute is filtered by.
const ANY: &[Operator] = &[Operator::Is, Operator::OneOf, Operator::NotIn];

/// The most letters of what is searched for.
pub(crate) const SEARCH: usize = 200;

/// What can be done with it.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Alerts",
    operations: &[
        Operation::get("/v2/alerts", "Lists alerts, the newest first", || routing::get(list))
            .needs(Permission::SeeOnCall)
            .asks(&[
                ("status[one_of]", "In one of these states; also not_in"),
                ("deduplication_key[is]", "Of this key"),
                ("alert_source[one_of]", "Of one of these sources; also not_in"),
                ("alert_group_id[one_of]", "Of one of these groups, by the alert that began it; also not_in"),
                ("attributes[ID][one_of]", "With one of these values of an attribute; also is and not_in"),
                ("id[one_of]", "One of these; also not_in"),
                ("has_notes[is]", "`true` or `false`: whether people have written about it"),
                ("tags[one_of]", "With one of these tags; also all_of and not_in"),
                ("priority[one_of]", "Of one of these priorities; also not_in"),
                (
                    "search",
                    "With all of these words in title, description, key, link or attributes, whatever their case; this \
                     is ours. A request looks at 400 alerts at most, and its page goes on from there",
                ),
                ("created_at[gte]", "Not before this; also lte and date_range, and the same of updated_at"),
                ("page_size", "How many objects a page has"),
                ("after", "The id of the last object of the page before"),
            ])
            .answers(200, "{alerts*: [Alert], pagination_meta*: Pagination}"),
        Operation::get("/v2/alerts/{id}", "Shows an alert", || routing::get(show))
            .needs(Permission::SeeOnCall)
            .answers(200, "{alert*: Alert}"),
        Operation::post("/v2/alerts/{id}/actions/resolve", "Resolves an alert", || routing::post(resolve))
            .needs(Permission::Respond)
            .answers(200, "{alert*: Alert}"),
        Operation::post("/v2/alerts/{id}/actions/retrigger", "Has an alert that is over fire again", || {
            routing::post(retrigger)
        })
        .needs(Permission::Respond)
        .answers(202, "{alert_id*: id}"),
        Operation::post(
            "/v2/alerts/{id}/actions/set_tags",
            "Tags an alert with these, and no others; this is ours",
            || routing::post(notes::tag),
        )
        .needs(Permission::Respond)
        .takes("{tags*: [string]}")
        .answers(200, "{alert*: Alert}"),
        Operation::get("/v2/alert_notes", "Lists what people wrote about an alert, the newest first; this is ours", || {
            routing::get(notes::list)
        })
        .needs(Permission::SeeOnCall)
        .asks(&[("alert_id", "The alert")])
        .answers(200, "{alert_notes*: [AlertNote]}"),
        Operation::post("/v2/alert_notes", "Writes something about an alert; this is ours", || {
            routing::post(notes::write)
        })
        .needs(Permission::Respond)
        .takes("{alert_id*: id, text*: string}")
        .answers(201, "{alert_note*: AlertNote}"),
    ],
    shapes: &[
        (
            "AlertAttributeSaid",
            "{attribute*: AlertAttribute, value: {literal: string, label: string}, \
             array_value: [{literal: string, label: string}]}",
        ),
        ("AlertNote", "{id*: id, text*: string, created_at*: time, creator*: Actor}"),
        (
            "Alert",
            "{id*: id, alert_source_id*: id, title*: string, description: string, \
             status*: firing|resolved, deduplication_key*: string, source_url: string, \
             priority: string, attributes: [AlertAttributeSaid], tags: [{id*: string, name*: string}], note_count: integer, alert_group_ids*: [id], \
             routing: string, problems: [string], created_at*: time, updated_at*: time, \
             resolved_at: time, flapping: boolean}",
        ),
    ],
};

/// The router of alerts.
pub fn router(ctx: Context) -> axum::Router {
    guarded(RESOURCE.routes().merge(incident_alerts::RESOURCE.routes()), ctx)
}

/// Lists alerts, newest first. See `page.rs` for how far one request looks.
async fn list(State(desk): Shared, caller: Caller, query: Query) -> Answer<Json<Value>> {
    let (store, org) = (&desk.ctx.store, caller.org);
    let (asked, filters) = (Asked::read(&query, MOST)?, query.filters(FILTERS)?);
    filters.span("updated_at")?;
    let words = words(&query)?;
    let keys = filters.values("deduplication_key");
    let key = keys.first().map(|key| fingerprint(key.as_bytes(), 32));
    let scan = Scan {
        asked: asked.clone(),
        order: Order::Newest,
        made: filters.bound("created_at")?,
        filtered: !filters.is_empty() || !words.is_empty(),
    };
    let (filters, words, key) = (&filters, &*words, key.as_deref());
    let page = scan
        .run(
            |before, most| async move { store.list_alerts(org, before.as_deref(), most).await },
            |listed| kept(store, org, (filters, words), key, listed),
        )
        .await?;
    Ok(Json(json!({ "alerts": page.items, "pagination_meta": asked.meta(page.after.as_deref()) })))
}

/// Reads a listed alert again, if it passes the filters.
async fn kept(
    store: &Store,
    org: OrgId,
    (filters, words): (&Filters, &[String]),
    key: Option<&str>,
    listed: Listed,
) -> Answer<Option<Value>> {
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
        other => Has::Texts(values(&body, other.strip_prefix("attributes.").unwrap_or_default())),
    });
    Ok(passes.then(|| shown(&alert, &body)))
}

/// The words that are searched for.
fn words(query: &Query) -> Answer<Vec<String>> {
    let text = query.one("search").unwrap_or_default();
    if text.len() > SEARCH {
        return Err(ApiError::invalid("search", format!("A search has at most {SEARCH} letters")));
    }
    Ok(words_of(text))
}

/// The words of what is searched for, in lower case.
pub(crate) fn words_of(text: &str) -> Vec<String> {
    text.to_lowercase().split_whitespace().map(str::to_owned).collect()
}

/// Says whether an alert has all of some words, in lower case.
pub(crate) fn says(body: &Body, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let attributes = body.attributes.iter().flat_map(|said| &said.values);
    let texts =
        [Some(&body.title), body.description.as_ref(), body.source_url.as_ref(), body.priority.as_ref()];
    let texts = texts.into_iter().flatten().chain([&body.deduplication_key]).chain(attributes);
    let texts: Vec<String> = texts.map(|text| text.to_lowercase()).collect();
    words.iter().all(|word| texts.iter().any(|text| text.contains(word)))
}

/// What an alert says of an attribute.
fn values(body: &Body, attribute: &str) -> Vec<String> {
    let said = body.attributes.iter().filter(|said| said.id.to_string() == attribute);
    said.flat_map(|said| said.values.clone()).collect()
}

async fn show(State(desk): Shared, caller: Caller, Id(id): Id<AlertId>) -> Answer<Json<Value>> {
    let store = &desk.ctx.store;
    let alert = store.alert(caller.org, id).await?.ok_or_else(|| AppError::not_found("alert", id))?;
    shown_alone(&desk.ctx, &alert).await
}

async fn resolve(State(desk): Shared, caller: Caller, Id(id): Id<AlertId>) -> Answer<Json<Value>> {
    let ctx = &desk.ctx;
    let alert = app::alert::resolve::resolve(&ctx.store, &caller.actor, id, ctx.now()).await?;
    shown_alone(ctx, &alert).await
}

/// Has it fire again, and says which alert fires then: another that does already, or one that is there in a moment.
async fn retrigger(
    State(desk): Shared,
    caller: Caller,
    Id(id): Id<AlertId>,
) -> Answer<(StatusCode, Json<Value>)> {
    let fires = match app::alert::retrigger::retrigger(&desk.ctx, &caller.actor, id).await? {
        Retriggered::AlreadyFiring(alert) => alert.id,
        Retriggered::AsAlert(next) => next,
    };
    Ok((StatusCode::ACCEPTED, Json(json!({ "alert_id": fires }))))
}

async fn shown_alone(ctx: &Context, alert: &Alert) -> Answer<Json<Value>> {
    let store = &ctx.store;
    let body = store.alert_body(alert.org, alert.id).await?;
    let body = body.ok_or_else(|| AppError::not_found("alert", alert.id))?;
    let mut shown = shown(alert, &body);
    // Of one alert alone: what its key knows is another read.
    let key = store.key(alert.org, alert.source, &alert.key).await?;
    if key.is_some_and(|row| row.flaps_on(alert, ctx.now())) {
        shown["flapping"] = json!(true);
    }
    Ok(Json(json!({ "alert": shown })))
}

/// When anything of it last changed.
fn updated_at(alert: &Alert, body: &Body) -> domain::Timestamp {
    alert.resolved_at.map_or(body.updated_at, |resolved_at| resolved_at.max(body.updated_at))
}

/// An alert, in full.
fn shown(alert: &Alert, body: &Body) -> Value {
    let mut shown = slim(alert, body);
    shown["attributes"] = body.attributes.iter().map(said).collect();
    shown["tags"] = notes::tags(&alert.tags);
    if alert.notes > 0 {
        shown["note_count"] = json!(alert.notes);
    }
    shown["routing"] = json!(alert.routing);
    if !body.problems.is_empty() {
        shown["problems"] = json!(body.problems);
    }
    if let Some(priority) = &body.priority {
        shown["priority"] = json!(priority);
    }
    shown
}

/// What an alert says of an attribute: one value, or several where it may have them.
pub(crate) fn said(said: &AlertAttribute) -> Value {
    let Attribute { name, kind, array, required, emoji } = &said.attribute;
    let mut shown = json!({
        "attribute": { "id": said.id, "name": name, "type": kind, "array": array, "required": required },
    });
    if let Some(emoji) = emoji {
        shown["attribute"]["emoji"] = json!(emoji);
    }
    let mut values = said.values.iter().map(|text| json!({ "literal": text, "label": text }));
    if *array {
        shown["array_value"] = values.collect();
    } else if let Some(value) = values.next() {
        shown["value"] = value;
    }
    shown
}

/// An alert where something else names it.
pub(crate) fn slim(alert: &Alert, body: &Body) -> Value {
    let mut slim = json!({
        "id": alert.id,
        "alert_source_id": alert.source,
        "title": body.title,
        "status": match alert.head().state() {
            AlertState::Firing => "firing",
            AlertState::Resolved => "resolved",
        },
        "deduplication_key": body.deduplication_key,
        "created_at": alert.created_at,
        "updated_at": updated_at(alert, body),
        "alert_group_ids": alert.group.iter().collect::<Vec<_>>(),
    });
    if let Some(description) = &body.description {
        slim["description"] = json!(description);
    }
    if let Some(source_url) = &body.source_url {
        slim["source_url"] = json!(source_url);
    }
    if let Some(resolved_at) = alert.resolved_at {
        slim["resolved_at"] = json!(resolved_at);
    }
    slim
}
