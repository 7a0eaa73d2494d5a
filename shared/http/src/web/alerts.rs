//! Alerts: the list with its filters, and the actions on an alert.

mod details;
mod notes;
mod payload;
mod routing;

use std::sync::Arc;

use app::alert::resolve;
use app::alert::retrigger::{self as retrigger_verb, Retriggered};
use app::incident::seen;
use axum::extract::State;
use axum::response::{Redirect, Response};
use axum::routing::{get, post};
use domain::Actor;
use domain::access::Permission;
use domain::alert::{Alert, AlertState, Routing};
use domain::id::{AlertId, SourceId};
use domain::text::clip;
use http::HeaderMap;
use machine::{State as _, Stateful};
use maud::{Markup, html};
use store::Store;

use crate::ApiError;
use crate::alerts::{SEARCH, says, words_of};

use super::form::{ReturnForm, Submitted, select};
use super::frame::{Frame, Section};
use super::list::{List, QueryParams};
use super::path_param::PathParam;
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::SignedIn;
use super::words::{self, untrusted};
use super::{WebState, private};

/// The routes of alerts.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/alerts", Access::SignedIn, || get(list)),
    Route::get("/alerts/{id}", Access::SignedIn, || get(details::show)),
    Route::post("/alerts/{id}/resolve", Access::Needs(Permission::Respond), || post(resolve)),
    Route::post("/alerts/{id}/retrigger", Access::Needs(Permission::Respond), || post(retrigger)),
    Route::post("/alerts/{id}/notes", Access::Needs(Permission::Respond), || post(notes::add)),
    Route::post("/alerts/{id}/tags", Access::Needs(Permission::Respond), || post(notes::set_tags)),
];

/// The name of a source that was deleted.
pub(super) const DELETED_SOURCE: &str = "a deleted alert source";

/// The label of a state, and its style.
const fn state_label(state: AlertState) -> (&'static str, &'static str) {
    match state {
        AlertState::Firing => ("Firing", "paging"),
        AlertState::Resolved => ("Resolved", "acked"),
    }
}

/// The state as a badge.
pub(super) fn state_badge(state: AlertState) -> Markup {
    let (label, tone) = state_label(state);
    html! { span.badge.(tone) { (label) } }
}

/// The most sources that the filter offers.
const OFFERED_SOURCES: usize = 100;

async fn list(
    State(web): State<Arc<WebState>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    params: QueryParams,
) -> Result<Response, Refusal> {
    let (store, rules, org) = (&web.ctx.store, &signed_in.rules, signed_in.session.org);
    let list = List::new("/alerts", &params);
    let state = params.text("state").and_then(AlertState::named);
    let source: Option<SourceId> = params.parsed("source");
    let search = params.text("search").map(str::trim).unwrap_or_default();
    let words = words_of(clip(search, SEARCH));
    let (words, actor) = (&*words, &signed_in.actor());
    let sources = store.sources_after(org, None, OFFERED_SOURCES).await?;
    let page = list
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
                    Some(alert) if !matches(store, actor, &alert, words).await? => Ok(None),
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
    let hidden = seen::hidden(&web.ctx.store, &signed_in.actor(), incidents).await?;

    let frame = Frame::new(&web, &signed_in, Section::Alerts);
    let source_id = source.map(|id| id.to_string()).unwrap_or_default();
    let params_of = |state: Option<AlertState>| {
        let state = state.map(AlertState::name).unwrap_or_default();
        vec![("state", state.to_owned()), ("source", source_id.clone()), ("search", search.to_owned())]
    };
    let tab = |label, of: Option<AlertState>| (of == state, label, params_of(of));
    let tabs = [
        tab("All", None),
        tab("Firing", Some(AlertState::Firing)),
        tab("Resolved", Some(AlertState::Resolved)),
    ];
    let is_filtered = state.is_some() || source.is_some() || !search.is_empty();
    let offered = sources.iter().map(|source| (source.id.to_string(), source.name.as_str()));
    let main = html! {
        div.headline { h1 { "Alerts" } }
        div.filters {
            (list.tabs("State", &tabs))
            form.filter method="get" action="/alerts" role="search" aria-label="Filters" {
                @if let Some(state) = state { input type="hidden" name="state" value=(state.name()); }
                label.field {
                    span { "Search" }
                    input type="search" name="search" value=(search) maxlength=(SEARCH) dir="auto" autocomplete="off";
                }
                (select("source", "Alert source", "Any", offered, Some(&source_id)))
                button type="submit" { "Filter" }
            }
        }
        div #list data-live {
            @if rows.is_empty() && page.after.is_none() { (no_alerts(is_filtered)) } @else {
                ul.card.list {
                    @for (alert, source) in &rows {
                        @let is_hidden = alert.incident.is_some_and(|id| hidden.contains(&id));
                        @if is_hidden { (hidden_row(&frame, alert)) } @else {
                            (row(&frame, alert, source.as_ref().map(|source| source.name.as_str())))
                        }
                    }
                }
            }
            (list.pagination(&params_of(state), page.after.as_deref(), rows.len()))
        }
    };
    Ok(frame.answer(&headers, "Alerts", &main))
}

/// The text in place of an empty list.
fn no_alerts(is_filtered: bool) -> Markup {
    html! {
        p.empty {
            @if is_filtered { "No alerts match these filters." }
            @else { "No alerts yet. " a href="/alert-sources" { "Add an alert source" } "." }
        }
    }
}

/// Returns whether an alert contains all searched words. A hidden alert never matches.
async fn matches(store: &Store, by: &Actor, alert: &Alert, words: &[String]) -> Result<bool, ApiError> {
    if words.is_empty() {
        return Ok(true);
    }
    let body = store.alert_body(alert.org, alert.id).await?;
    let found = body.is_some_and(|body| says(&body, words));
    Ok(found && seen::hidden(store, by, [alert.incident]).await?.is_empty())
}

/// The badges of an alert in the list.
fn badges(alert: &Alert) -> Markup {
    html! {
        (state_badge(alert.head().state()))
        @if alert.routing == Routing::Unrouted { " " span.badge.waiting { "Unrouted" } }
    }
}

/// An alert in the list.
fn row(frame: &Frame<'_>, alert: &Alert, source: Option<&str>) -> Markup {
    html! {
        li data-item {
            a.entry href=(format!("/alerts/{}", alert.id)) data-row {
                span.badges { (badges(alert)) (notes::tag_badges(&alert.tags)) }
                span.name { (untrusted(&alert.title)) }
                span.soft {
                    (untrusted(source.unwrap_or(DELETED_SOURCE))) " · " (words::ago(alert.created_at, frame.now))
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
                span.badges { (state_badge(alert.head().state())) }
                (private::placeholder())
                span.soft { (words::ago(alert.created_at, frame.now)) }
            }
        }
    }
}

async fn resolve(
    State(web): State<Arc<WebState>>,
    PathParam(id): PathParam<AlertId>,
    Submitted { signed_in, form }: Submitted<ReturnForm>,
) -> Result<Redirect, Refusal> {
    resolve::resolve(&web.ctx.store, &signed_in.actor(), id, web.ctx.now()).await?;
    Ok(Redirect::to(&form.location(id)))
}

/// Makes an alert fire again. The event goes through the queue, so the new alert appears a moment later.
async fn retrigger(
    State(web): State<Arc<WebState>>,
    PathParam(id): PathParam<AlertId>,
    Submitted { signed_in, form }: Submitted<ReturnForm>,
) -> Result<Redirect, Refusal> {
    match retrigger_verb::retrigger(&web.ctx, &signed_in.actor(), id).await? {
        Retriggered::AlreadyFiring(alert) => Ok(Redirect::to(&format!("/alerts/{}", alert.id))),
        Retriggered::AsAlert(_) => Ok(Redirect::to(&form.location(id))),
    }
}
