//! Escalations: the list, the page of each with its levels and notifications, and the actions.

use std::collections::BTreeSet;
use std::sync::Arc;

use app::escalation::history::{EscalationHistory as Story, history as story};
use app::escalation::respond;
use app::incident::seen;
use axum::extract::State;
use axum::response::{Redirect, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::escalation::{Escalation, PathRef};
use domain::id::{EscalationId, IncidentId};
use domain::notification::Notification;
use http::HeaderMap;
use machine::Stateful;
use maud::{Markup, html};

use super::escalation::{self, Linked, acknowledge_button, state_badge, tone};
use super::form::{ReturnForm, Submitted};
use super::frame::{Frame, Section};
use super::list::{List, QueryParams};
use super::path_param::PathParam;
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::SignedIn;
use super::words::{self, untrusted};
use super::{WebState, private};

/// The routes of escalations.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/escalations", Access::SignedIn, || get(list)),
    Route::get("/escalations/{id}", Access::SignedIn, || get(show)),
    Route::post("/escalations/{id}/acknowledge", Access::Needs(Permission::Respond), || post(acknowledge)),
    Route::post("/escalations/{id}/cancel", Access::Needs(Permission::Respond), || post(cancel)),
];

async fn acknowledge(
    State(web): State<Arc<WebState>>,
    PathParam(id): PathParam<EscalationId>,
    Submitted { signed_in, form }: Submitted<ReturnForm>,
) -> Result<Redirect, Refusal> {
    respond::acknowledge(&web.ctx.store, &signed_in.actor(), id, web.ctx.now()).await?;
    Ok(Redirect::to(&form.location(id)))
}

async fn cancel(
    State(web): State<Arc<WebState>>,
    PathParam(id): PathParam<EscalationId>,
    Submitted { signed_in, form }: Submitted<ReturnForm>,
) -> Result<Redirect, Refusal> {
    respond::cancel(&web.ctx.store, &signed_in.actor(), id, web.ctx.now()).await?;
    Ok(Redirect::to(&form.location(id)))
}

/// The value of the query parameter `state` that selects open escalations.
const OPEN: &str = "open";

async fn list(
    State(web): State<Arc<WebState>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    params: QueryParams,
) -> Result<Response, Refusal> {
    let (store, org) = (&web.ctx.store, signed_in.session.org);
    let list = List::new("/escalations", &params);
    let only_open = params.text("state") == Some(OPEN);
    let page = list
        .scan(only_open)
        .run(
            |before, most| async move {
                if only_open {
                    store.open_escalations_before(org, before.as_deref(), most).await
                } else {
                    store.list_escalations(org, before.as_deref(), most).await
                }
            },
            async |listed| {
                let Ok(id) = listed.id.parse() else { return Ok(None) };
                let found = store.escalation(org, id).await?;
                Ok(found.filter(|escalation| !only_open || escalation.head().state().notifies()))
            },
        )
        .await?;

    let incidents = page.items.iter().map(|escalation| escalation.incident);
    let hidden = seen::hidden(&web.ctx.store, &signed_in.actor(), incidents).await?;
    let frame = Frame::new(&web, &signed_in, Section::Escalations);
    let open_param = vec![("state", OPEN.to_owned())];
    let active: Vec<(&str, String)> = if only_open { open_param.clone() } else { Vec::new() };
    let main = html! {
        div.headline { h1 { "Escalations" } }
        (list.tabs("State", &[(!only_open, "All", Vec::new()), (only_open, "Open", open_param)]))
        div #list data-live {
            @if page.items.is_empty() && page.after.is_none() {
                p.empty { @if only_open { "No open escalations." } @else { "No escalations yet." } }
            } @else {
                ul.card.list {
                    @for escalation in &page.items { (row(escalation, &frame, &hidden)) }
                }
            }
            (list.pagination(&active, page.after.as_deref(), page.items.len()))
        }
    };
    Ok(frame.answer(&headers, "Escalations", &main))
}

/// An escalation in the list. Its title is hidden if it belongs to a hidden incident, even from the people whom it
/// notifies; they can open its page.
fn row(escalation: &Escalation, frame: &Frame<'_>, hidden: &BTreeSet<IncidentId>) -> Markup {
    let is_hidden = escalation.incident.is_some_and(|id| hidden.contains(&id));
    html! {
        li data-item {
            a.entry href=(format!("/escalations/{}", escalation.id)) data-row {
                (state_badge(escalation.head().state()))
                @if is_hidden { (private::placeholder()) } @else { span.name { (untrusted(&escalation.title)) } }
                span.soft { (words::ago(escalation.created_at, frame.now)) }
            }
        }
    }
}

async fn show(
    State(web): State<Arc<WebState>>,
    headers: HeaderMap,
    PathParam(id): PathParam<EscalationId>,
    signed_in: SignedIn,
    params: QueryParams,
) -> Result<Response, Refusal> {
    let story = story(&web.ctx.store, &signed_in.rules, id).await?.ok_or(Refusal::NotFound)?;
    if private::hides_escalation(&story, &signed_in.actor()) {
        return Err(Refusal::NotFound);
    }
    let is_changed = params.text("answered").is_some();
    let frame = Frame::new(&web, &signed_in, Section::Escalations);
    let title = story.escalation.title.clone();
    Ok(frame.answer(&headers, &title, &page(&frame, &story, is_changed)))
}

/// The page of an escalation. `is_changed` says that the person has just pressed one of its buttons.
fn page(frame: &Frame<'_>, story: &Story, is_changed: bool) -> Markup {
    let (escalation, now) = (&story.escalation, frame.now);
    let state = escalation.head().state();
    let here = format!("/escalations/{}", escalation.id);
    html! {
        div #escalation data-live {
            @if is_changed && story.answer().is_some() {
                p.flash role="status" { (escalation::end(story, now)) "." }
            }
            article.card.(tone(state)) data-item {
                div.about {
                    (state_badge(state))
                    h1 { (escalation::title(story)) }
                    (escalation::facts(story, now, Linked::to(story, &frame.signed_in.actor())))
                    (escalation::situation(story, now))
                    @if let Some(description) = &escalation.description {
                        p.description dir="auto" { (description) }
                    }
                    (escalation::description(story))
                }
                div.acts {
                    @if state.notifies() { (acknowledge_button(frame, escalation.id, &here)) }
                    @if state.is_going_on() && frame.may(Permission::Respond) { (cancel_button(frame, &here)) }
                }
            }
            (levels(frame, story))
            section.card aria-labelledby="history" {
                h2 #history { "History" }
                (escalation::history(story, now))
            }
        }
    }
}

/// The button that cancels the escalation whose page is at `here`.
fn cancel_button(frame: &Frame<'_>, here: &str) -> Markup {
    html! {
        form.act method="post" action=(format!("{here}/cancel"))
            data-confirm="Notifications stop, and nobody is responsible for responding. Cancel this escalation?" {
            (frame.token_field())
            input type="hidden" name="back" value=(here);
            button type="submit" { "Cancel escalation" }
        }
    }
}

/// Where the levels come from.
fn origin(story: &Story) -> Markup {
    html! {
        @match (&story.escalation.plan, &story.path) {
            (PathRef::Path { version, .. }, Some(name)) => {
                "Escalation path: " strong { (untrusted(name)) } ", version " (version) "."
            }
            (PathRef::Path { .. }, None) => "The escalation path cannot be read, so the fallback contact is notified.",
            (PathRef::Users(_), _) => "The people who were selected when the escalation was created.",
            (PathRef::Fallback, _) => "The fallback contact.",
        }
    }
}

/// The people of each level, and their notifications.
fn levels(frame: &Frame<'_>, story: &Story) -> Markup {
    let escalation = &story.escalation;
    let of_level = |level: usize| {
        let notifications = story.notifications.iter();
        let of_level = |notification: &&Notification| notification.level() == u16::try_from(level).ok();
        notifications.filter(of_level).collect::<Vec<_>>()
    };
    let fallback = story.notifications.iter().filter(|notification| notification.level().is_none());
    let fallback: Vec<&Notification> = fallback.collect();
    let has_started = !story.notifications.is_empty();
    html! {
        section.card aria-labelledby="levels" {
            h2 #levels { "Levels" }
            p.lead { (origin(story)) }
            ol.levels {
                @for (n, level) in story.levels.iter().enumerate() {
                    @let is_current = story.is_paging() && has_started && usize::from(escalation.level) == n;
                    li aria-current=[is_current.then_some("step")] {
                        h3 {
                            "Level " (n + 1) ": "
                            @for (i, target) in level.targets.iter().enumerate() {
                                @if i > 0 { ", " }
                                (untrusted(story.person(target.user)))
                            }
                            @if level.targets.is_empty() { "nobody" }
                            span.soft { " · " (level.ack_seconds.div_ceil(60)) " min to acknowledge" }
                        }
                        (notifications(frame, story, &of_level(n)))
                    }
                }
                @if !fallback.is_empty() {
                    li { h3 { "Expired: fallback contact" } (notifications(frame, story, &fallback)) }
                }
            }
        }
    }
}

/// Notifications with their outcome.
fn notifications(frame: &Frame<'_>, story: &Story, notifications: &[&Notification]) -> Markup {
    html! {
        @if notifications.is_empty() { p.none { "Not notified." } } @else {
            ul.timeline {
                @for notification in notifications {
                    li {
                        (words::time(escalation::last_change(notification), frame.now))
                        div.step { (escalation::notification_text(story, notification, frame.now)) }
                    }
                }
            }
        }
    }
}
