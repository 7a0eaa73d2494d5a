//! Alerts: the list, and each with what it says, what was sent, and why it was routed so.

mod notes;
mod payload;
mod routing;

use std::sync::Arc;

use app::alert::explain::{AlertDetails, explain};
use app::alert::resolve;
use app::alert::retrigger::{self as again, Retriggered};
use app::incident::seen;
use axum::extract::{Path, State};
use axum::response::{Redirect, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::alert::{Alert, AlertState, Routing};
use domain::id::{AlertId, SourceId};
use domain::text::clip;
use domain::{Actor, Identity};
use http::HeaderMap;
use machine::{State as _, Stateful};
use maud::{Markup, html};
use store::Store;

use crate::ApiError;
use crate::alerts::{SEARCH, says, words_of};

use super::Desk;
use super::escalation::{self, state_words, tone};
use super::escalations::Id;
use super::frame::{Frame, Section};
use super::list::{Terms, Wanted, select};
use super::private;
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::SignedIn;
use super::submitted::{Back, Submitted};
use super::words::{self, capital, foreign, source_link};

/// The routes of alerts.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/alerts", Access::SignedIn, || get(all)),
    Route::get("/alerts/{id}", Access::SignedIn, || get(show)),
    Route::post("/alerts/{id}/resolve", Access::Needs(Permission::Respond), || post(resolve)),
    Route::post("/alerts/{id}/retrigger", Access::Needs(Permission::Respond), || post(retrigger)),
    Route::post("/alerts/{id}/notes", Access::Needs(Permission::Respond), || post(notes::write)),
    Route::post("/alerts/{id}/tags", Access::Needs(Permission::Respond), || post(notes::tag)),
];

/// The state as a badge.
fn badge(state: AlertState) -> Markup {
    let (tone, says) = match state {
        AlertState::Firing => ("paging", "Firing"),
        AlertState::Resolved => ("acked", "Resolved"),
    };
    html! { span.badge.(tone) { (says) } }
}

/// The most sources that are offered.
const MOST_SOURCES: usize = 100;

async fn all(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    wanted: Wanted,
) -> Result<Response, Refusal> {
    let (store, rules, org) = (&desk.ctx.store, &signed_in.rules, signed_in.session.org);
    let terms = Terms::read("/alerts", wanted);
    let state = terms.text("state").and_then(AlertState::named);
    let source: Option<SourceId> = terms.chosen("source");
    let search = terms.text("search").map(str::trim).unwrap_or_default();
    let words = words_of(clip(search, SEARCH));
    let (words, actor) = (&*words, &signed_in.actor());
    let sources = store.sources_after(org, None, MOST_SOURCES).await?;
    let page = terms
        .scan(state.is_some() || source.is_some() || !words.is_empty())
        .run(
            |before, most| async move { store.list_alerts(org, before.as_deref(), most).await },
            async |listed| {
                let Ok(id) = listed.id.parse() else { return Ok(None) };
                let found = store.alert(org, id).await?.filter(|alert| {
                    state.is_none_or(|state| alert.head().state() == state)
                        && source.is_none_or(|source| alert.source == source)
                });
                match found {
                    Some(alert) if !has(store, actor, &alert, words).await? => Ok(None),
                    found => Ok(found),
                }
            },
        )
        .await?;
    let mut rows = Vec::new();
    for alert in page.items {
        let source = rules.source(alert.source).await?;
        rows.push((alert, source));
    }
    let incidents = rows.iter().map(|(alert, _)| alert.incident);
    let hidden = seen::hidden(&desk.ctx.store, &signed_in.actor(), incidents).await?;

    let frame = Frame::new(&desk, &signed_in, Section::Alerts);
    let of_source = source.map(|id| id.to_string()).unwrap_or_default();
    let with = |state: Option<AlertState>| {
        let state = state.map(AlertState::name).unwrap_or_default();
        vec![("state", state.to_owned()), ("source", of_source.clone()), ("search", search.to_owned())]
    };
    let tab = |says, one: Option<AlertState>| (one == state, says, with(one));
    let tabs = [
        tab("All", None),
        tab("Firing", Some(AlertState::Firing)),
        tab("Resolved", Some(AlertState::Resolved)),
    ];
    let offered = sources.iter().map(|one| (one.id.to_string(), one.name.as_str()));
    let main = html! {
        div.headline { h1 { "Alerts" } }
        div.filters {
            (terms.tabs("Which", &tabs))
            form.filter method="get" action="/alerts" role="search" aria-label="Filter" {
                @if let Some(state) = state { input type="hidden" name="state" value=(state.name()); }
                label.field {
                    span { "Words" }
                    input type="search" name="search" value=(search) maxlength=(SEARCH) dir="auto" autocomplete="off";
                }
                (select("source", "Source", "Any", offered, Some(&of_source)))
                button type="submit" { "Filter" }
            }
        }
        div #list data-live {
            @if rows.is_empty() && page.after.is_none() { p.empty { "There is no alert like this." } } @else {
                ul.card.list {
                    @for (alert, source) in &rows {
                        @if alert.incident.is_some_and(|id| hidden.contains(&id)) { (hidden_row(&frame, alert)) } @else {
                            (row(&frame, alert, source.as_ref().map(|source| source.name.as_str())))
                        }
                    }
                }
            }
            (terms.turn(&with(state), page.after.as_deref(), rows.len()))
        }
    };
    Ok(frame.answer(&headers, "Alerts", &main))
}

/// Says whether an alert has all of some words; one that somebody does not see has none.
async fn has(store: &Store, who: &Actor, alert: &Alert, words: &[String]) -> Result<bool, ApiError> {
    if words.is_empty() {
        return Ok(true);
    }
    let body = store.alert_body(alert.org, alert.id).await?;
    let found = body.is_some_and(|body| says(&body, words));
    Ok(found && seen::hidden(store, who, [alert.incident]).await?.is_empty())
}

/// An alert in the list.
fn row(frame: &Frame<'_>, alert: &Alert, source: Option<&str>) -> Markup {
    html! {
        li data-item {
            a.entry href=(format!("/alerts/{}", alert.id)) data-row {
                span.badges {
                    (badge(alert.head().state()))
                    @if alert.routing == Routing::Unrouted { span.badge.waiting { "Unrouted" } }
                    (notes::badges(&alert.tags))
                }
                span.name { (foreign(&alert.title)) }
                span.soft {
                    (foreign(source.unwrap_or("a source that is gone"))) " · " (words::ago(alert.created_at, frame.now))
                }
            }
        }
    }
}

/// An alert of a private incident in the list.
fn hidden_row(frame: &Frame<'_>, alert: &Alert) -> Markup {
    html! {
        li data-item {
            div.entry {
                span.badges { (badge(alert.head().state())) }
                (private::instead())
                span.soft { (words::ago(alert.created_at, frame.now)) }
            }
        }
    }
}

async fn resolve(
    State(desk): State<Arc<Desk>>,
    id: Id<AlertId>,
    Submitted { signed_in, form }: Submitted<Back>,
) -> Result<Redirect, Refusal> {
    let Ok(Path(id)) = id else { return Err(Refusal::Gone) };
    resolve::resolve(&desk.ctx.store, &signed_in.actor(), id, desk.ctx.now()).await?;
    Ok(Redirect::to(&form.to(id)))
}

/// Has it fire again; what then fires has a page of its own, which is there in a moment.
async fn retrigger(
    State(desk): State<Arc<Desk>>,
    id: Id<AlertId>,
    Submitted { signed_in, form }: Submitted<Back>,
) -> Result<Redirect, Refusal> {
    let Ok(Path(id)) = id else { return Err(Refusal::Gone) };
    match again::retrigger(&desk.ctx, &signed_in.actor(), id).await? {
        Retriggered::AlreadyFiring(alert) => Ok(Redirect::to(&format!("/alerts/{}", alert.id))),
        Retriggered::AsAlert(_) => Ok(Redirect::to(&form.to(id))),
    }
}

async fn show(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    id: Id<AlertId>,
    signed_in: SignedIn,
) -> Result<Response, Refusal> {
    let Ok(Path(id)) = id else { return Err(Refusal::Gone) };
    let told = explain(&desk.ctx.store, &signed_in.rules, id).await?.ok_or(Refusal::Gone)?;
    if seen::hides(told.alert.incident, told.incident.as_ref(), &signed_in.actor()) {
        return Err(Refusal::Gone);
    }
    let frame = Frame::new(&desk, &signed_in, Section::Alerts);
    let main = html! {
        div #alert data-live { (about(&frame, &told)) }
        div.columns {
            div.column {
                (notes::notes(&frame, &told))
                (routing::routing(&frame, &told))
                (payload::payload(told.raw.as_deref()))
            }
            aside.column aria-label="About this alert" {
                div #about data-live { (fields(&frame, &told)) (escalations(&frame, &told)) (history(&frame, &told)) }
                (notes::tags(&frame, &told))
            }
        }
    };
    Ok(frame.answer(&headers, &told.alert.title, &main))
}

/// What it says.
fn about(frame: &Frame<'_>, told: &AlertDetails) -> Markup {
    let (alert, body) = (&told.alert, told.body.as_ref());
    let state = alert.head().state();
    let here = format!("/alerts/{}", alert.id);
    let title = body.map_or(&*alert.title, |body| &*body.title);
    html! {
        article.card.(match state { AlertState::Firing => "paging", AlertState::Resolved => "acked" }) data-item {
            div.about {
                p.badges {
                    (badge(state))
                    @if alert.routing == Routing::Unrouted { " " span.badge.waiting { "Unrouted" } }
                    @if told.flaps(frame.now) { " " span.badge.waiting { "Flapping" } }
                    (notes::badges(&alert.tags))
                }
                h1 { (foreign(&domain::text::shorten(title, 600))) }
                ul.facts {
                    li { (words::since(alert.created_at, frame.now)) }
                    li { "From " (foreign(told.source.as_ref().map_or("a source that is gone", |source| &source.name))) }
                    @if let Some(incident) = &told.incident {
                        li { a.reference href=(format!("/incidents/{}", incident.number)) { (incident.reference()) } }
                    }
                    @if let Some(link) = source_link(body.and_then(|body| body.source_url.as_deref())) { li { (link) } }
                }
                @if let Some(text) = body.and_then(|body| body.description.as_deref()).filter(|text| !text.trim().is_empty()) {
                    p.description dir="auto" { (domain::text::shorten(text.trim(), 4000)) }
                }
            }
            @if state == AlertState::Firing && frame.may(Permission::Respond) {
                form.act method="post" action=(format!("{here}/resolve"))
                    data-sure="The alert is over, and whoever is paged for it alone is paged no more. Resolve it?" {
                    (frame.field())
                    input type="hidden" name="back" value=(here);
                    button type="submit" { "Resolve by hand" }
                }
            }
            @if state == AlertState::Resolved && told.raw.is_some() && frame.may(Permission::Respond) {
                form.act method="post" action=(format!("{here}/retrigger"))
                    data-sure="It fires again as a new alert, which is routed and pages as the first one did. Fire again?" {
                    (frame.field())
                    input type="hidden" name="back" value="/alerts";
                    button type="submit" { "Fire again" }
                }
            }
        }
        @for escalation in &told.escalations {
            @let state = escalation.head().state();
            @if state.notifies() {
                div.card.strip.(tone(state)) data-item {
                    p.line {
                        span.badge.(tone(state)) { (state_words(state)) }
                        " " a href=(format!("/escalations/{}", escalation.id)) { "Level " (escalation.level + 1) }
                    }
                    (escalation::acknowledge(frame, escalation.id, &here))
                }
            }
        }
        @if let Some(body) = body.filter(|body| !body.problems.is_empty()) {
            section.card.problems aria-labelledby="problems" {
                h2 #problems { "What of our rules failed on it" }
                p.lead { "It was handled without them: when in doubt, Firebell pages." }
                ul.dots { @for problem in &body.problems { li { (foreign(problem)) } } }
            }
        }
    }
}

/// What was parsed of it.
fn fields(frame: &Frame<'_>, told: &AlertDetails) -> Markup {
    let (alert, body) = (&told.alert, told.body.as_ref());
    html! {
        section.card aria-labelledby="fields" {
            h2 #fields { "Attributes" }
            dl.properties {
                @if let Some(priority) = body.and_then(|body| body.priority.as_deref()) {
                    div { dt { "Priority" } dd { (foreign(priority)) } }
                }
                div { dt { "Started" } dd { (words::time(alert.started_at, frame.now)) } }
                div { dt { "Received" } dd { (words::time(alert.created_at, frame.now)) } }
                @if let Some(at) = alert.resolved_at { div { dt { "Resolved" } dd { (words::time(at, frame.now)) } } }
                @if let Some(body) = body {
                    @if let Some(key) = told.key.as_ref().filter(|key| key.count > 1) {
                        div { dt { "Said" } dd { (key.count) " times" } }
                    }
                    div { dt { "Last said" } dd { (words::time(body.updated_at, frame.now)) } }
                    div { dt { "Deduplication key" } dd { code { (foreign(&domain::text::shorten(&body.deduplication_key, 300))) } } }
                }
                div { dt { "Source kind" } dd { (alert.kind.0) } }
                @if let Some(first) = alert.group.filter(|first| *first != alert.id) {
                    div { dt { "Group" } dd { "joined " a href=(format!("/alerts/{first}")) { "the alert that opened it" } } }
                }
                div { dt { "Id" } dd { code { (alert.id) } } }
            }
        }
    }
}

/// Who is paged for it.
fn escalations(frame: &Frame<'_>, told: &AlertDetails) -> Markup {
    html! {
        section.card aria-labelledby="escalations" {
            h2 #escalations { "Escalations" }
            @if told.escalations.is_empty() { p.none { "Nobody was paged." } }
            ul.rows {
                @for escalation in &told.escalations {
                    @let state = escalation.head().state();
                    li {
                        p.line {
                            span.badge.(tone(state)) { (state_words(state)) }
                            " " a href=(format!("/escalations/{}", escalation.id)) { "Level " (escalation.level + 1) }
                        }
                        p.soft { (words::ago(escalation.created_at, frame.now)) }
                    }
                }
            }
        }
    }
}

/// What happened to it.
fn history(frame: &Frame<'_>, told: &AlertDetails) -> Markup {
    let who = |by: &str| match by.parse::<Identity>() {
        Ok(Identity::User(id)) => told.person(id).to_owned(),
        Ok(Identity::ApiKey(_)) => "an API key".to_owned(),
        Ok(Identity::System(part)) if part.starts_with("alert_source:") => {
            told.source.as_ref().map_or("its source", |source| &source.name).to_owned()
        }
        Ok(Identity::System(_)) | Err(_) => "Firebell".to_owned(),
    };
    html! {
        section.card aria-labelledby="history" {
            h2 #history { "History" }
            ol.timeline.one {
                @for row in told.history.iter().rev() {
                    li {
                        div.step { span.what { (capital(&row.why)) } " " span.who { (foreign(&who(&row.by))) } }
                        (words::time(row.at, frame.now))
                    }
                }
            }
        }
    }
}
