//! Alert sources: the list, and the form that adds a source as a draft.

mod actions;
mod preview;
mod setup_steps;
mod source;

use std::sync::Arc;

use app::AppError;
use app::source::create::{NewSource, create};
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::id::SourceId;
use domain::source::heartbeat::{INTERVAL_S, PingSchedule};
use domain::source::{IntakeRules, Source, SourceKind, SourceState, Template};
use domain::text::Document;
use http::HeaderMap;
use machine::Stateful;
use maud::{Markup, html};
use serde::Deserialize;
use sources::KindOptions;

use super::WebState;
use super::form::{Submitted, form_error, select};
use super::frame::{Frame, Section};
use super::list::QueryParams;
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::SignedIn;
use super::settings::{ListPage, PAGE_SIZE, SettingsList, SettingsPage, confirmation};
use super::words::{time, untrusted};

/// The permission that every change of an alert source needs.
const CONFIGURE: Access = Access::Needs(Permission::ConfigureOnCall);

/// The page among the settings.
pub(super) const PAGE: SettingsPage =
    SettingsPage { path: "/alert-sources", title: "Alert sources", permission: Permission::SeeOnCall };

/// The routes of alert sources.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/alert-sources", Access::Needs(Permission::SeeOnCall), || get(list)),
    Route::post("/alert-sources", CONFIGURE, || post(add)),
    Route::get("/alert-sources/{id}", Access::Needs(Permission::SeeOnCall), || get(source::show)),
    Route::post("/alert-sources/{id}/activate", CONFIGURE, || post(actions::activate)),
    Route::post("/alert-sources/{id}/remove", CONFIGURE, || post(actions::remove)),
    Route::post("/alert-sources/{id}/rotate", CONFIGURE, || post(actions::rotate)),
    Route::post("/alert-sources/{id}/switch", CONFIGURE, || post(actions::switch)),
    Route::post("/alert-sources/{id}/test", CONFIGURE, || post(actions::test)),
];

/// The form that adds an alert source.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AddSourceForm {
    name: String,
    kind: String,
    minutes: String,
}

/// The expected interval of a heartbeat, if the form does not set one, in minutes.
const DEFAULT_MINUTES: u32 = 60;

/// The longest expected interval of a heartbeat, in minutes.
const LONGEST_MINUTES: u32 = *INTERVAL_S.end() / 60;

impl AddSourceForm {
    /// The expected interval of a heartbeat. `None` for other types of source.
    fn ping_schedule(&self) -> Result<Option<PingSchedule>, AppError> {
        let options = sources::get(&self.kind).and_then(|kind| kind.options());
        if options != Some(KindOptions::Heartbeat) {
            return Ok(None);
        }
        let invalid = || {
            let reason = format!("enter an expected interval of 1 to {LONGEST_MINUTES} minutes");
            AppError::invalid("minutes", reason)
        };
        let minutes = match self.minutes.trim() {
            "" => Some(DEFAULT_MINUTES),
            minutes => minutes.parse().ok().filter(|minutes| (1..=LONGEST_MINUTES).contains(minutes)),
        };
        Ok(Some(PingSchedule::new(minutes.ok_or_else(invalid)? * 60, None, None)))
    }
}

/// The parts of the list page that depend on the request.
#[derive(Default)]
struct SourcesPage {
    after: Option<String>,
    done: &'static str,
    error: Option<String>,
    form: AddSourceForm,
}

async fn list(
    State(web): State<Arc<WebState>>,
    headers: HeaderMap,
    signed_in: SignedIn,
    params: QueryParams,
) -> Result<Response, Refusal> {
    let done = match params.text("done") {
        Some("removed") => {
            "Alert source deleted. Its deliveries are refused from now on. Its alerts are kept."
        }
        Some(_) | None => "",
    };
    let after = params.parsed::<SourceId>("after").map(|id| id.to_string());
    SourcesPage { after, done, ..SourcesPage::default() }.answer(&web, &signed_in, &headers).await
}

async fn add(
    State(web): State<Arc<WebState>>,
    Submitted { signed_in, form }: Submitted<AddSourceForm>,
) -> Result<Response, Refusal> {
    let (ctx, by) = (&web.ctx, signed_in.actor());
    let now = ctx.now();
    let created = async {
        let new = NewSource {
            id: SourceId::new(now, ctx.random()),
            name: form.name.trim().to_owned(),
            kind: SourceKind(form.kind.clone()),
            secret: None,
            template: Template::default(),
            intake: IntakeRules { beat: form.ping_schedule()?, ..IntakeRules::default() },
            draft: true,
            document: Document::default(),
        };
        create(&ctx.store, &ctx.seal, &by, new, &ctx.random, now).await
    };
    match created.await {
        Ok(source) => Ok(Redirect::to(&path(source.id)).into_response()),
        Err(error) => {
            let page = SourcesPage { error: Some(form_error(error)?), form, ..SourcesPage::default() };
            page.answer(&web, &signed_in, &HeaderMap::new()).await
        }
    }
}

/// The path of the page of a source.
fn path(id: SourceId) -> String {
    format!("/alert-sources/{id}")
}

impl SourcesPage {
    async fn answer(
        self,
        web: &WebState,
        signed_in: &SignedIn,
        headers: &HeaderMap,
    ) -> Result<Response, Refusal> {
        signed_in.actor().may(Permission::SeeOnCall).map_err(AppError::from)?;
        let (store, org) = (&web.ctx.store, signed_in.session.org);
        let found = store.sources_after(org, self.after.as_deref(), PAGE_SIZE + 1).await?;
        let page = ListPage::new(found, |source| source.id.to_string());
        let is_there = |source: &&Source| source.head().state() != SourceState::Destroyed;
        let sources: Vec<&Source> = page.items.iter().filter(is_there).collect();
        let frame = Frame::new(web, signed_in, Section::Settings);
        let may_add = frame.may(Permission::ConfigureOnCall);
        let list = html! {
            div #list data-live {
                @if sources.is_empty() {
                    p.empty { "No alert sources yet." @if may_add { " Add the first one below." } }
                } @else {
                    ul.card.rows { @for source in &sources { (row(&frame, source)) } }
                }
            }
        };
        let list = SettingsList {
            page: &PAGE,
            done: confirmation(self.done),
            answers_form: self.error.is_some(),
            error: self.error,
            intro: html! {},
            list,
            next: page.next.map(|after| (after, "More")),
            form: if may_add {
                add_form(&frame, &self.form)
            } else {
                html! {}
            },
        };
        Ok(list.answer(frame, headers))
    }
}

/// The name of the type of a source; its identifier, if this version of Firebell does not know it.
fn type_name(source: &Source) -> &str {
    sources::get(&source.kind.0).map_or(source.kind.0.as_str(), |known| known.name())
}

/// The state as a badge.
fn state_badge(source: &Source) -> Markup {
    match source.head().state() {
        SourceState::Draft => html! { span.badge.waiting { "Draft" } },
        SourceState::Active => html! { span.badge.acked { "Active" } },
        SourceState::Disabled => html! { span.badge.expired { "Disabled" } },
        SourceState::Destroyed => html! { span.badge { "Deleted" } },
    }
}

/// The time of the last delivery.
fn last_delivery(source: &Source, frame: &Frame<'_>) -> Markup {
    html! {
        @match source.last_delivery_at {
            Some(at) => { "Last received " (time(at, frame.now)) },
            None => "Nothing received yet",
        }
    }
}

/// A source in the list.
fn row(frame: &Frame<'_>, source: &Source) -> Markup {
    html! {
        li.person {
            div {
                h2 { a.plain href=(path(source.id)) { (untrusted(&source.name)) } }
                ul.facts {
                    li { (type_name(source)) }
                    li { (last_delivery(source, frame)) }
                    @if let Some(error) = &source.last_error { li { "Last error " (time(error.at, frame.now)) } }
                }
            }
            div { (state_badge(source)) }
        }
    }
}

/// The form that adds a source.
fn add_form(frame: &Frame<'_>, form: &AddSourceForm) -> Markup {
    let mut kinds: Vec<_> = sources::all().iter().map(|kind| (kind.kind().to_owned(), kind.name())).collect();
    kinds.sort_unstable_by_key(|(_, name)| name.to_lowercase());
    html! {
        form.card method="post" action="/alert-sources" aria-labelledby="add" {
            (frame.token_field())
            h2 #add { "Add an alert source" }
            div.fields {
                label.field {
                    span { "Name" }
                    input type="text" name="name" value=(form.name) maxlength="200" required dir="auto"
                        autocomplete="off";
                }
                (select("kind", "Source type", "Select a source type", kinds, Some(form.kind.as_str())))
                label.field {
                    span { "Expected interval (minutes)" }
                    input type="number" name="minutes" value=(form.minutes) min="1" max=(LONGEST_MINUTES)
                        placeholder=(DEFAULT_MINUTES) aria-describedby="minutes-hint";
                }
            }
            p.hint #minutes-hint { "The expected interval applies to heartbeats only: the time between two pings." }
            p.hint {
                "A new alert source starts as a draft. You see its setup instructions and the events that it receives. \
                 It pages nobody until you activate it."
            }
            div.buttons { button.primary type="submit" { "Add as draft" } }
        }
    }
}
