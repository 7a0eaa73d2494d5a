//! Escalations: the list, each with its levels and what came of its pages, and the buttons that answer them.

use std::collections::BTreeSet;
use std::sync::Arc;

use app::escalation::history::{EscalationHistory as Story, history as story};
use app::escalation::respond;
use app::incident::seen;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{Redirect, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::escalation::{Escalation, PathRef};
use domain::id::{EscalationId, IncidentId};
use domain::notification::Notification;
use http::HeaderMap;
use machine::Stateful;
use maud::{Markup, html};

use super::Desk;
use super::escalation::{self, Linked, state_words, tone};
use super::frame::{Frame, Section};
use super::list::{Terms, Wanted};
use super::private;
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::SignedIn;
use super::submitted::{Back, Submitted};
use super::words::{self, foreign};

/// The routes of escalations.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/escalations", Access::SignedIn, || get(all)),
    Route::get("/escalations/{id}", Access::SignedIn, || get(show)),
    Route::post("/escalations/{id}/acknowledge", Access::Needs(Permission::Respond), || post(acknowledge)),
    Route::post("/escalations/{id}/cancel", Access::Needs(Permission::Respond), || post(cancel)),
];

/// The id of an address; none if it is no id.
pub(super) type Id<T> = Result<Path<T>, PathRejection>;

async fn acknowledge(
    State(desk): State<Arc<Desk>>,
    id: Id<EscalationId>,
    Submitted { signed_in, form }: Submitted<Back>,
) -> Result<Redirect, Refusal> {
    let Ok(Path(id)) = id else { return Err(Refusal::Gone) };
    respond::acknowledge(&desk.ctx.store, &signed_in.actor(), id, desk.ctx.now()).await?;
    Ok(Redirect::to(&form.to(id)))
}

async fn cancel(
    State(desk): State<Arc<Desk>>,
    id: Id<EscalationId>,
    Submitted { signed_in, form }: Submitted<Back>,
) -> Result<Redirect, Refusal> {
    let Ok(Path(id)) = id else { return Err(Refusal::Gone) };
    respond::cancel(&desk.ctx.store, &signed_in.actor(), id, desk.ctx.now()).await?;
    Ok(Redirect::to(&form.to(id)))
}

/// Which escalations are shown.
const OPEN: &str = "open";

async fn all(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    wanted: Wanted,
) -> Result<Response, Refusal> {
    let (store, org) = (&desk.ctx.store, signed_in.session.org);
    let terms = Terms::read("/escalations", wanted);
    let open = terms.text("state") == Some(OPEN);
    let page = terms
        .scan(open)
        .run(
            |before, most| async move {
                if open {
                    store.open_escalations_before(org, before.as_deref(), most).await
                } else {
                    store.list_escalations(org, before.as_deref(), most).await
                }
            },
            async |listed| {
                let Ok(id) = listed.id.parse() else { return Ok(None) };
                let found = store.escalation(org, id).await?;
                Ok(found.filter(|escalation| !open || escalation.head().state().notifies()))
            },
        )
        .await?;

    let incidents = page.items.iter().map(|escalation| escalation.incident);
    let hidden = seen::hidden(&desk.ctx.store, &signed_in.actor(), incidents).await?;
    let frame = Frame::new(&desk, &signed_in, Section::Escalations);
    let holds: Vec<(&str, String)> = if open { vec![("state", OPEN.to_owned())] } else { Vec::new() };
    let main = html! {
        div.headline { h1 { "Escalations" } }
        (terms.tabs("Which", &[
            (!open, "All", Vec::new()),
            (open, "Need somebody", vec![("state", OPEN.to_owned())]),
        ]))
        div #list data-live {
            @if page.items.is_empty() && page.after.is_none() {
                p.empty { @if open { "Nobody is being paged." } @else { "Nobody was ever paged." } }
            } @else {
                ul.card.list {
                    @for escalation in &page.items { (row(escalation, &frame, &hidden)) }
                }
            }
            (terms.turn(&holds, page.after.as_deref(), page.items.len()))
        }
    };
    Ok(frame.answer(&headers, "Escalations", &main))
}

/// An escalation in a list; its page says whether somebody is paged by it who does not see its incident.
fn row(escalation: &Escalation, frame: &Frame<'_>, hidden: &BTreeSet<IncidentId>) -> Markup {
    let is_hidden = escalation.incident.is_some_and(|id| hidden.contains(&id));
    let state = escalation.head().state();
    html! {
        li data-item {
            a.entry href=(format!("/escalations/{}", escalation.id)) data-row {
                span.badge.(tone(state)) { (state_words(state)) }
                @if is_hidden { (private::instead()) } @else { span.name { (foreign(&escalation.title)) } }
                span.soft { (words::ago(escalation.created_at, frame.now)) }
            }
        }
    }
}

async fn show(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    id: Id<EscalationId>,
    signed_in: SignedIn,
    wanted: Wanted,
) -> Result<Response, Refusal> {
    let Ok(Path(id)) = id else { return Err(Refusal::Gone) };
    let told = story(&desk.ctx.store, &signed_in.rules, id).await?.ok_or(Refusal::Gone)?;
    if private::hides_escalation(&told, &signed_in.actor()) {
        return Err(Refusal::Gone);
    }
    let answered = Terms::read("", wanted).text("answered").is_some();
    let frame = Frame::new(&desk, &signed_in, Section::Escalations);
    let title = told.escalation.title.clone();
    Ok(frame.answer(&headers, &title, &page(&frame, &told, answered)))
}

/// The page of an escalation.
fn page(frame: &Frame<'_>, story: &Story, answered: bool) -> Markup {
    let (escalation, now) = (&story.escalation, frame.now);
    let state = escalation.head().state();
    let here = format!("/escalations/{}", escalation.id);
    html! {
        div #escalation data-live {
            @if answered && let Some(answer) = story.answer() {
                p.flash role="status" {
                    (words::capital(&answer.why)) " by " strong { (foreign(story.who(&answer.by))) } ", "
                    (words::time(answer.at, now)) "."
                }
            }
            article.card.(tone(state)) data-item {
                div.about {
                    (escalation::badge(story))
                    h1 { (escalation::title(story)) }
                    (escalation::facts(story, now, Linked::to(story, &frame.signed_in.actor())))
                    (escalation::situation(story, now))
                    @if let Some(description) = &escalation.description {
                        p.description dir="auto" { (description) }
                    }
                    (escalation::description(story))
                }
                div.acts {
                    @if state.notifies() { (escalation::acknowledge(frame, escalation.id, &here)) }
                    @if state.is_going_on() && frame.may(Permission::Respond) {
                        form.act method="post" action=(format!("{here}/cancel"))
                            data-sure="Nobody is paged any more, and nobody is on it. Cancel this escalation?" {
                            (frame.field())
                            input type="hidden" name="back" value=(here);
                            button type="submit" { "Cancel escalation" }
                        }
                    }
                }
            }
            (levels(frame, story))
            section.card aria-label="History" { (escalation::timeline(story, now)) }
        }
    }
}

/// Where the levels come from.
fn plan(story: &Story) -> Markup {
    html! {
        @match (&story.escalation.plan, &story.path) {
            (PathRef::Path { version, .. }, Some(name)) => {
                "By the path " strong { (foreign(name)) } ", as it was at its version " (version) "."
            }
            (PathRef::Path { .. }, None) => "By a path that cannot be read: the fallback contact.",
            (PathRef::Users(_), _) => "People who were named.",
            (PathRef::Fallback, _) => "The fallback contact.",
        }
    }
}

/// Who is paged, level by level, and what came of it.
fn levels(frame: &Frame<'_>, story: &Story) -> Markup {
    let escalation = &story.escalation;
    let of_level = |level: usize| {
        let pages = story.notifications.iter();
        pages.filter(move |page| page.level() == u16::try_from(level).ok()).collect::<Vec<_>>()
    };
    let last: Vec<&Notification> = story.notifications.iter().filter(|page| page.level().is_none()).collect();
    let begun = !story.notifications.is_empty();
    html! {
        section.card aria-labelledby="levels" {
            h2 #levels { "Levels" }
            p.lead { (plan(story)) }
            ol.levels {
                @for (n, level) in story.levels.iter().enumerate() {
                    @let now = story.is_paging() && begun && usize::from(escalation.level) == n;
                    li aria-current=[now.then_some("step")] {
                        h3 {
                            "Level " (n + 1) ": "
                            @for (i, target) in level.targets.iter().enumerate() {
                                @if i > 0 { ", " }
                                (foreign(story.person(target.user)))
                            }
                            @if level.targets.is_empty() { "nobody" }
                            span.soft { " · " (level.ack_seconds.div_ceil(60)) " min to answer" }
                        }
                        (pages(frame, story, &of_level(n)))
                    }
                }
                @if !last.is_empty() {
                    li { h3 { "Nobody answered: the fallback contact" } (pages(frame, story, &last)) }
                }
            }
        }
    }
}

/// What came of some pages.
fn pages(frame: &Frame<'_>, story: &Story, pages: &[&Notification]) -> Markup {
    html! {
        @if pages.is_empty() { p.none { "Not paged." } } @else {
            ul.timeline {
                @for page in pages {
                    li {
                        (words::time(escalation::moved_at(page), frame.now))
                        div.step { (escalation::page_words(story, page, frame.now)) }
                    }
                }
            }
        }
    }
}
