//! The page of an alert source: setup instructions, what it received, actions and history.

use std::sync::Arc;

use app::AppError;
use app::source::{find, open_secret};
use axum::extract::State;
use axum::response::Response;
use domain::access::Permission;
use domain::id::SourceId;
use domain::source::heartbeat::PingSchedule;
use domain::source::{Source, SourceState, WithoutAlert};
use http::HeaderMap;
use jiff::SignedDuration;
use machine::{State as _, Stateful};
use maud::{Markup, html};
use secrecy::ExposeSecret;

use super::setup_steps::setup_steps;
use super::{actions, last_delivery, path, preview, state_badge, type_name};
use crate::alert_sources::{WITHOUT_ALERT_DAYS, address, mail_address};
use crate::web::WebState;
use crate::web::form::{error_message, refused};
use crate::web::frame::{Frame, Section};
use crate::web::list::QueryParams;
use crate::web::path_param::PathParam;
use crate::web::refusal::Refusal;
use crate::web::session::SignedIn;
use crate::web::settings::{confirmation, navigation};
use crate::web::words::{capitalize, length, time, untrusted};

/// How many history entries are shown.
const SHOWN_ENTRIES: usize = 20;

/// The parts of the page that depend on the request.
pub(super) struct SourcePage {
    /// The confirmation of the last action. Empty if there was none.
    pub(super) done: &'static str,
    /// Why the last action was refused.
    pub(super) error: Option<String>,
}

pub(in crate::web) async fn show(
    State(web): State<Arc<WebState>>,
    headers: HeaderMap,
    PathParam(id): PathParam<SourceId>,
    signed_in: SignedIn,
    params: QueryParams,
) -> Result<Response, Refusal> {
    let done = match params.text("done") {
        Some("activated") => "Alert source activated. Its alerts are routed and page people from now on.",
        Some("disabled") => "Alert source disabled. Its deliveries are refused.",
        Some("enabled") => "Alert source enabled. Its deliveries are accepted again.",
        Some("rotated") => "Secret rotated. The previous secret stays valid for 24 hours.",
        Some("tested") => "Test alert sent. It appears in a moment.",
        Some(_) | None => "",
    };
    SourcePage { done, error: None }.answer(&web, &signed_in, &headers, id).await
}

impl SourcePage {
    /// Answers with the page. The status is 422 if there is an error.
    pub(super) async fn answer(
        self,
        web: &WebState,
        signed_in: &SignedIn,
        headers: &HeaderMap,
        id: SourceId,
    ) -> Result<Response, Refusal> {
        let (ctx, by) = (&web.ctx, signed_in.actor());
        by.may(Permission::SeeOnCall).map_err(AppError::from)?;
        let source = find(&ctx.store, by.org(), id).await?;
        let mut frame = Frame::new(web, signed_in, Section::Settings);
        frame.update_from = Some(path(id));
        let may = frame.may(Permission::ConfigureOnCall);
        let main = html! {
            div.title {
                div.headline { h1 { (untrusted(&source.name)) } (state_badge(&source)) }
                ul.facts {
                    li { (type_name(&source)) }
                    li #delivered data-live {
                        @match &source.intake.beat {
                            Some(schedule) => (last_ping(&frame, &source, schedule).await?),
                            None => (last_delivery(&source, &frame)),
                        }
                    }
                    li { a href=(format!("/alerts?source={id}")) { "View alerts" } }
                }
            }
            (navigation(&frame, &super::PAGE))
            (confirmation(self.done))
            (error_message(self.error.as_deref()))
            div #error data-live { (last_error(&frame, &source)) }
            div.columns {
                div.column {
                    @if source.head().state() == SourceState::Draft { (preview::draft(&frame, &source).await?) }
                    @if may { (setup(&frame, &source)?) }
                    (limits(&frame, &source).await?)
                }
                aside.column aria-label="Actions and history" {
                    @if may { (actions::card(&frame, &source)) }
                    (history(&frame, &source).await?)
                }
            }
        };
        let page = frame.answer(headers, &source.name, &main);
        Ok(if self.error.is_some() { refused(page) } else { page })
    }
}

/// The last ping of a heartbeat, and the expected interval.
async fn last_ping(frame: &Frame<'_>, source: &Source, schedule: &PingSchedule) -> Result<Markup, Refusal> {
    let heartbeat = frame.web.ctx.store.heartbeat(source.org, source.id).await?;
    let interval = length(SignedDuration::from_secs(schedule.interval_s.into()));
    Ok(html! {
        @match &heartbeat {
            None => "Waiting for the first ping",
            Some(heartbeat) => {
                (capitalize(heartbeat.head().state().name())) ", last ping " (time(heartbeat.last_ping_at, frame.now))
            },
        }
        ", expected every " (interval)
    })
}

/// The last delivery that was refused.
fn last_error(frame: &Frame<'_>, source: &Source) -> Markup {
    html! {
        @if let Some(error) = &source.last_error {
            div.form-error { p { "Delivery refused " (time(error.at, frame.now)) ": " (untrusted(&error.reason)) } }
        }
    }
}

/// The address, the secret and the setup instructions.
fn setup(frame: &Frame<'_>, source: &Source) -> Result<Markup, Refusal> {
    let ctx = &frame.web.ctx;
    let known = sources::get(&source.kind.0);
    let secret = open_secret(&ctx.seal, source.id, &source.secret)?;
    let url = address(&ctx.public_url, source);
    let has_address = known.is_none_or(|known| !known.is_found_by_secret());
    let secret = secret.expose_secret();
    let email = mail_address(ctx, source, secret);
    let values = [
        ("{url}", url.as_str()),
        ("{secret}", secret),
        ("{email}", email.as_deref().unwrap_or("(this installation does not receive email)")),
    ];
    Ok(html! {
        section.card.set-up aria-labelledby="setup" {
            h2 #setup { "Setup" }
            dl.properties {
                @if let Some(email) = &email { div { dt { "Email address" } dd { code.token { (email) } } } }
                @if has_address { div { dt { "URL" } dd { code.token { (url) } } } }
                div { dt { "Secret" } dd { code.token { (secret) } } }
            }
            @if let Some(known) = known { div.steps { (setup_steps(known.docs(), &values)) } }
        }
    })
}

/// The rate limit, and the events that did not become alerts.
async fn limits(frame: &Frame<'_>, source: &Source) -> Result<Markup, Refusal> {
    let (store, place) = (&frame.web.ctx.store, (source.org, source.id));
    let filtered = store.without_alert(place, WithoutAlert::Filtered, WITHOUT_ALERT_DAYS).await?;
    let unmatched = store.without_alert(place, WithoutAlert::UnmatchedEnd, WITHOUT_ALERT_DAYS).await?;
    let limit = source.intake.limit.as_ref();
    Ok(html! {
        @if !filtered.is_empty() || !unmatched.is_empty() || limit.is_some() {
            section.card aria-labelledby="limits" {
                h2 #limits { "Events without an alert" }
                @if let Some(limit) = limit {
                    p {
                        "Rate limit: " (limit.per_minute) " new alerts per minute. Alerts above the limit are summarised \
                         in one alert per hour."
                    }
                }
                ul.dots {
                    @for day in &filtered {
                        li {
                            (day.day) ": the filter dropped " (day.count)
                            @if day.count == 1 { " event" } @else { " events" }
                            ", last: " (untrusted(&day.last_title))
                        }
                    }
                    @for day in &unmatched {
                        li {
                            (day.day) ": " (day.count)
                            @if day.count == 1 { " event resolved nothing" } @else { " events resolved nothing" }
                            ", last: " (untrusted(&day.last_title))
                        }
                    }
                }
            }
        }
    })
}

/// The history of the source, newest first.
async fn history(frame: &Frame<'_>, source: &Source) -> Result<Markup, Refusal> {
    let rows = frame.web.ctx.store.source_history((source.org, source.id), SHOWN_ENTRIES).await?;
    Ok(html! {
        section.card aria-labelledby="history" {
            h2 #history { "History" }
            ul.dots {
                @for row in &rows { li { (capitalize(&row.why)) " " (time(row.at, frame.now)) } }
                @if rows.len() < SHOWN_ENTRIES { li { "Created " (time(source.created_at, frame.now)) } }
            }
        }
    })
}
