//! Alert sources: which there are and how they do, and a new one, which begins as a draft.

mod source;
mod steps;

use std::sync::Arc;

use app::AppError;
use app::source::create::{NewSource, create};
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::id::SourceId;
use domain::source::heartbeat::PingSchedule;
use domain::source::{IntakeRules, Source, SourceKind, SourceState, Template};
use domain::text::Document;
use http::{HeaderMap, StatusCode};
use machine::Stateful;
use maud::{Markup, html};
use serde::Deserialize;
use sources::KindOptions;

use super::Desk;
use super::frame::{Frame, Section};
use super::incident::complaint;
use super::list::{Terms, Wanted, select};
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::SignedIn;
use super::settings::{self, Part, head, onward};
use super::submitted::Submitted;
use super::words::{foreign, time};

/// The routes of alert sources.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/alert-sources", Access::Needs(Permission::SeeOnCall), || get(all)),
    Route::post("/alert-sources", Access::Needs(Permission::ConfigureOnCall), || post(add)),
    Route::get("/alert-sources/{id}", Access::Needs(Permission::SeeOnCall), || get(source::show)),
    Route::post("/alert-sources/{id}/activate", Access::Needs(Permission::ConfigureOnCall), || {
        post(source::activate)
    }),
    Route::post("/alert-sources/{id}/remove", Access::Needs(Permission::ConfigureOnCall), || {
        post(source::remove)
    }),
    Route::post("/alert-sources/{id}/rotate", Access::Needs(Permission::ConfigureOnCall), || {
        post(source::rotate)
    }),
    Route::post("/alert-sources/{id}/switch", Access::Needs(Permission::ConfigureOnCall), || {
        post(source::switch)
    }),
    Route::post("/alert-sources/{id}/test", Access::Needs(Permission::ConfigureOnCall), || {
        post(source::test)
    }),
];

/// How many sources a page shows.
const MOST: usize = 50;

/// A source as it is added.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Added {
    name: String,
    kind: String,
    minutes: String,
}

/// How many minutes lie between two pings of a heartbeat, if nothing is said.
const MINUTES: u32 = 60;

impl Added {
    /// How often the job of a heartbeat must ping. `None` for other kinds.
    fn beat(&self) -> Result<Option<PingSchedule>, AppError> {
        let kind = sources::get(&self.kind);
        if kind.and_then(|kind| kind.options()) != Some(KindOptions::Heartbeat) {
            return Ok(None);
        }
        let minutes = match self.minutes.trim() {
            "" => MINUTES,
            minutes => {
                minutes.parse().ok().filter(|minutes| (1..=MOST_MINUTES).contains(minutes)).ok_or_else(
                    || AppError::invalid("minutes", "the minutes between two pings are 1 to 43200"),
                )?
            }
        };
        Ok(Some(PingSchedule::new(minutes * 60, None, None)))
    }
}

/// The most minutes between two pings: thirty days.
const MOST_MINUTES: u32 = 43_200;

/// What the page says beside the list.
#[derive(Default)]
struct Said {
    after: Option<String>,
    done: &'static str,
    complaint: Option<String>,
    draft: Added,
}

async fn all(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    wanted: Wanted,
) -> Result<Response, Refusal> {
    let terms = Terms::read("/alert-sources", wanted);
    let done = match terms.text("done") {
        Some("removed") => "The source is gone: its senders are refused from now on. What it sent stays.",
        Some(_) | None => "",
    };
    let after = terms.chosen::<SourceId>("after").map(|id| id.to_string());
    shown(&desk, &signed_in, &headers, Said { after, done, ..Said::default() }).await
}

async fn add(
    State(desk): State<Arc<Desk>>,
    Submitted { signed_in, form }: Submitted<Added>,
) -> Result<Response, Refusal> {
    let (ctx, by) = (&desk.ctx, signed_in.actor());
    let now = ctx.now();
    let made = async {
        let new = NewSource {
            id: SourceId::new(now, ctx.random()),
            name: form.name.trim().to_owned(),
            kind: SourceKind(form.kind.clone()),
            secret: None,
            template: Template::default(),
            intake: IntakeRules { beat: form.beat()?, ..IntakeRules::default() },
            draft: true,
            document: Document::default(),
        };
        create(&ctx.store, &ctx.seal, &by, new, &ctx.random, now).await
    };
    match made.await {
        Ok(source) => Ok(Redirect::to(&path(source.id)).into_response()),
        Err(error) => {
            let said = Said { complaint: Some(complaint(error)?), draft: form, ..Said::default() };
            let page = shown(&desk, &signed_in, &HeaderMap::new(), said).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// The address of a source's page.
fn path(id: SourceId) -> String {
    format!("/alert-sources/{id}")
}

/// The page.
async fn shown(
    desk: &Desk,
    signed_in: &SignedIn,
    headers: &HeaderMap,
    said: Said,
) -> Result<Response, Refusal> {
    signed_in.actor().may(Permission::SeeOnCall).map_err(AppError::from)?;
    let (store, org) = (&desk.ctx.store, signed_in.session.org);
    let mut found = store.sources_after(org, said.after.as_deref(), MOST + 1).await?;
    let more = found.len() > MOST;
    found.truncate(MOST);
    let last = found.last().filter(|_| more).map(|source| source.id);
    let there = |source: &&Source| source.head().state() != SourceState::Destroyed;
    let there: Vec<&Source> = found.iter().filter(there).collect();
    let mut frame = Frame::new(desk, signed_in, Section::Settings);
    if said.complaint.is_some() {
        frame.from = Some("/alert-sources".to_owned());
    }
    let main = html! {
        (head(&frame, Part::AlertSources))
        (settings::said(said.done, said.complaint.as_deref()))
        div #list data-live {
            @if there.is_empty() { p.empty { "There is no alert source yet." } } @else {
                ul.card.rows { @for source in &there { (row(&frame, source)) } }
            }
        }
        (onward("/alert-sources", last, "More"))
        @if frame.may(Permission::ConfigureOnCall) { (form(&frame, &said.draft)) }
    };
    Ok(frame.answer(headers, "Alert sources", &main))
}

/// What a kind is called.
fn kind(source: &Source) -> &str {
    sources::get(&source.kind.0).map_or(source.kind.0.as_str(), |known| known.name())
}

/// What a source is, as a badge.
fn badge(source: &Source) -> Markup {
    match source.head().state() {
        SourceState::Draft => html! { span.badge.waiting { "Draft: pages nobody" } },
        SourceState::Active => html! { span.badge.acked { "Active" } },
        SourceState::Disabled => html! { span.badge.expired { "Disabled: refuses" } },
        SourceState::Destroyed => html! { span.badge { "Gone" } },
    }
}

/// When it delivered last.
fn delivered(source: &Source, frame: &Frame<'_>) -> Markup {
    html! {
        @match source.last_delivery_at {
            Some(at) => { "Last delivery " (time(at, frame.now)) },
            None => "No delivery yet",
        }
    }
}

/// A source in the list.
fn row(frame: &Frame<'_>, source: &Source) -> Markup {
    html! {
        li.person {
            div {
                h2 { a.plain href=(path(source.id)) { (foreign(&source.name)) } }
                ul.facts {
                    li { (kind(source)) }
                    li { (delivered(source, frame)) }
                    @if let Some(error) = &source.last_error { li { "Last error " (time(error.at, frame.now)) } }
                }
            }
            div { (badge(source)) }
        }
    }
}

/// What adds a source.
fn form(frame: &Frame<'_>, draft: &Added) -> Markup {
    let mut kinds: Vec<_> = sources::all().iter().map(|kind| (kind.kind().to_owned(), kind.name())).collect();
    kinds.sort_unstable_by_key(|(_, name)| name.to_lowercase());
    html! {
        form.card method="post" action="/alert-sources" aria-labelledby="add" {
            (frame.field())
            h2 #add { "Add a source" }
            div.fields {
                label.field {
                    span { "Name" }
                    input type="text" name="name" value=(draft.name) maxlength="200" required dir="auto"
                        autocomplete="off";
                }
                (select("kind", "What sends", "Choose what sends", kinds, Some(draft.kind.as_str())))
                label.field {
                    span { "Minutes between two pings, of a heartbeat" }
                    input type="number" name="minutes" value=(draft.minutes) min="1" max=(MOST_MINUTES)
                        placeholder=(MINUTES);
                }
            }
            p.hint { "It begins as a draft: you see how to set its sender up and what arrives, and nobody is paged \
                      until you activate it." }
            div.buttons { button.primary type="submit" { "Add as a draft" } }
        }
    }
}
