//! The page of one alert source: how its sender is set up, what arrived, and what can be done with it.

use std::sync::Arc;

use app::AppError;
use app::alert::preview::{AlertPreview, PreviewRequest, PreviewedEscalation, preview};
use app::source::rotate::Rotation;
use app::source::{find, open_secret};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use domain::access::Permission;
use domain::id::SourceId;
use domain::source::heartbeat::PingSchedule;
use domain::source::{Source, SourceState};
use domain::trace::Trace;
use http::{HeaderMap, StatusCode};
use jiff::SignedDuration;
use machine::{State as _, Stateful};
use maud::{Markup, html};
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::steps::steps;
use super::{badge, delivered, kind, path};
use crate::alert_sources::{FILTERED_DAYS, address, mail_address, send_example};
use crate::web::Desk;
use crate::web::escalations::Id;
use crate::web::frame::{Frame, Section};
use crate::web::incident::complaint;
use crate::web::list::{Terms, Wanted};
use crate::web::refusal::Refusal;
use crate::web::session::SignedIn;
use crate::web::settings::{self, Part, Pressed, parts};
use crate::web::submitted::Submitted;
use crate::web::words::{capital, foreign, length, names, time};

/// How long the secret before holds, in hours: a day to tell every sender.
const OVERLAP_HOURS: u16 = 24;

/// How much of its history is shown.
const MOST_STEPS: usize = 20;

/// Whether it is to be off.
#[derive(Debug, Deserialize)]
pub(in crate::web) struct Switched {
    #[serde(default)]
    switch: String,
}

/// What the page says beside what is there.
#[derive(Default)]
struct Said {
    done: &'static str,
    complaint: Option<String>,
}

pub(in crate::web) async fn show(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    id: Id<SourceId>,
    signed_in: SignedIn,
    wanted: Wanted,
) -> Result<Response, Refusal> {
    let Ok(Path(id)) = id else { return Err(Refusal::Gone) };
    let terms = Terms::read("/alert-sources", wanted);
    let done = match terms.text("done") {
        Some("activated") => "It is active: what arrives now pages.",
        Some("disabled") => "It is disabled: its senders are refused.",
        Some("enabled") => "It takes deliveries again.",
        Some("rotated") => "It has a new secret. The one before holds for another day.",
        Some("tested") => "The example is delivered. It is handled in a moment.",
        Some(_) | None => "",
    };
    shown(&desk, &signed_in, &headers, id, Said { done, complaint: None }).await
}

pub(in crate::web) async fn activate(
    State(desk): State<Arc<Desk>>,
    id: Id<SourceId>,
    Submitted { signed_in, form: Pressed {} }: Submitted<Pressed>,
) -> Result<Response, Refusal> {
    let Ok(Path(id)) = id else { return Err(Refusal::Gone) };
    let (ctx, by) = (&desk.ctx, signed_in.actor());
    let done = app::source::activate::activate(&ctx.store, &by, id, &ctx.random, ctx.now()).await;
    changed(&desk, &signed_in, (id, "activated"), done).await
}

pub(in crate::web) async fn switch(
    State(desk): State<Arc<Desk>>,
    id: Id<SourceId>,
    Submitted { signed_in, form }: Submitted<Switched>,
) -> Result<Response, Refusal> {
    let Ok(Path(id)) = id else { return Err(Refusal::Gone) };
    let (ctx, by) = (&desk.ctx, signed_in.actor());
    let off = form.switch == "off";
    let done = app::source::switch::switch(&ctx.store, &by, (id, off), &ctx.random, ctx.now()).await;
    changed(&desk, &signed_in, (id, if off { "disabled" } else { "enabled" }), done).await
}

pub(in crate::web) async fn rotate(
    State(desk): State<Arc<Desk>>,
    id: Id<SourceId>,
    Submitted { signed_in, form: Pressed {} }: Submitted<Pressed>,
) -> Result<Response, Refusal> {
    let Ok(Path(id)) = id else { return Err(Refusal::Gone) };
    let (ctx, by) = (&desk.ctx, signed_in.actor());
    let rotation = Rotation { secret: None, overlap_hours: OVERLAP_HOURS };
    let which = (id, &rotation);
    let done = app::source::rotate::rotate(&ctx.store, &ctx.seal, &by, which, &ctx.random, ctx.now()).await;
    changed(&desk, &signed_in, (id, "rotated"), done).await
}

pub(in crate::web) async fn remove(
    State(desk): State<Arc<Desk>>,
    id: Id<SourceId>,
    Submitted { signed_in, form: Pressed {} }: Submitted<Pressed>,
) -> Result<Redirect, Refusal> {
    let Ok(Path(id)) = id else { return Err(Refusal::Gone) };
    let ctx = &desk.ctx;
    app::source::destroy::destroy(&ctx.store, &signed_in.actor(), id, &ctx.random, ctx.now()).await?;
    Ok(Redirect::to("/alert-sources?done=removed"))
}

/// Delivers the source's example, as its sender would.
pub(in crate::web) async fn test(
    State(desk): State<Arc<Desk>>,
    id: Id<SourceId>,
    Submitted { signed_in, form: Pressed {} }: Submitted<Pressed>,
) -> Result<Response, Refusal> {
    let Ok(Path(id)) = id else { return Err(Refusal::Gone) };
    let (ctx, by) = (&desk.ctx, signed_in.actor());
    by.may(Permission::ConfigureOnCall).map_err(AppError::from)?;
    let source = find(&ctx.store, by.org(), id).await?;
    let sent = send_example(ctx, &source, Trace::begin(ctx.random())).await;
    let refused = match sent {
        Ok(answer) if answer.status().is_success() => {
            return Ok(Redirect::to(&format!("{}?done=tested", path(id))).into_response());
        }
        Ok(answer) => format!("The example was refused with {}", answer.status().as_u16()),
        Err(error) => error.message().to_owned(),
    };
    refuse(&desk, &signed_in, id, refused).await
}

/// Goes back to the page, or says there what is wrong.
async fn changed(
    desk: &Desk,
    signed_in: &SignedIn,
    (id, said): (SourceId, &str),
    done: Result<Source, AppError>,
) -> Result<Response, Refusal> {
    match done {
        Ok(_) => Ok(Redirect::to(&format!("{}?done={said}", path(id))).into_response()),
        Err(error) => refuse(desk, signed_in, id, complaint(error)?).await,
    }
}

/// The page, with what is wrong.
async fn refuse(
    desk: &Desk,
    signed_in: &SignedIn,
    id: SourceId,
    complaint: String,
) -> Result<Response, Refusal> {
    let said = Said { complaint: Some(complaint), ..Said::default() };
    let page = shown(desk, signed_in, &HeaderMap::new(), id, said).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// The page.
async fn shown(
    desk: &Desk,
    signed_in: &SignedIn,
    headers: &HeaderMap,
    id: SourceId,
    said: Said,
) -> Result<Response, Refusal> {
    let (ctx, by) = (&desk.ctx, signed_in.actor());
    by.may(Permission::SeeOnCall).map_err(AppError::from)?;
    let source = find(&ctx.store, by.org(), id).await?;
    let mut frame = Frame::new(desk, signed_in, Section::Settings);
    frame.from = Some(path(id));
    let may = frame.may(Permission::ConfigureOnCall);
    let main = html! {
        div.title {
            div.headline { h1 { (foreign(&source.name)) } (badge(&source)) }
            ul.facts {
                li { (kind(&source)) }
                li #delivered data-live {
                    @match &source.intake.beat {
                        Some(beat) => (pinged(&frame, &source, beat).await?),
                        None => (delivered(&source, &frame)),
                    }
                }
                li { a href=(format!("/alerts?source={id}")) { "Its alerts" } }
            }
        }
        (parts(&frame, Part::AlertSources))
        (settings::said(said.done, said.complaint.as_deref()))
        div #error data-live { (last_error(&frame, &source)) }
        div.columns {
            div.column {
                @if source.head().state() == SourceState::Draft { (draft(&frame, &source).await?) }
                @if may { (set_up(&frame, &source)?) }
                (held_back(&frame, &source).await?)
            }
            aside.column aria-label="What can be done" {
                @if may { (acts(&frame, &source)) }
                (history(&frame, &source).await?)
            }
        }
    };
    Ok(frame.answer(headers, &source.name, &main))
}

/// When a heartbeat was pinged last, and how often it is to be.
async fn pinged(frame: &Frame<'_>, source: &Source, beat: &PingSchedule) -> Result<Markup, Refusal> {
    let job = frame.desk.ctx.store.heartbeat(source.org, source.id).await?;
    let interval = length(SignedDuration::from_secs(beat.interval_s.into()));
    Ok(html! {
        @match &job {
            None => "Waiting for its first ping",
            Some(job) => { (capital(job.head().state().name())) ", last ping " (time(job.last_ping_at, frame.now)) },
        }
        "; one is expected every " (interval)
    })
}

/// What went wrong last.
fn last_error(frame: &Frame<'_>, source: &Source) -> Markup {
    html! {
        @if let Some(error) = &source.last_error {
            div.complaint { p { "A delivery could not be taken " (time(error.at, frame.now)) ": " (foreign(&error.reason)) "." } }
        }
    }
}

/// What arrived at a draft, what would become of it, and the way to its activation.
async fn draft(frame: &Frame<'_>, source: &Source) -> Result<Markup, Refusal> {
    let (ctx, by) = (&frame.desk.ctx, frame.signed_in.actor());
    let may = frame.may(Permission::ConfigureOnCall);
    let previewed = if may {
        let trial = PreviewRequest {
            kind: None,
            template: source.template.clone(),
            intake: source.intake.clone(),
            source: Some(source.id),
            payload: None,
        };
        preview(&ctx.store, &by, trial, &ctx.random, frame.now).await?
    } else {
        Vec::new()
    };
    let arrived = previewed.first();
    Ok(html! {
        section.card aria-labelledby="draft" {
            h2 #draft { "This is a draft" }
            p.lead { "Whatever arrives is shown here and pages nobody. Once something has arrived, activate it." }
            div #arrived data-live {
                @match arrived {
                    Some(arrived) => (would_be(arrived)),
                    None => p.none { "Nothing has arrived yet. Send the example, or let the sender deliver something." },
                }
            }
            @if may {
                div.buttons {
                    (press(frame, source, ("test", "Send the example"), None))
                    form method="post" action=(format!("{}/activate", path(source.id))) {
                        (frame.field())
                        button.primary type="submit" { "Activate" }
                    }
                }
            }
        }
    })
}

/// What would become of what arrived last.
fn would_be(arrived: &AlertPreview) -> Markup {
    let level = |page: &PreviewedEscalation| {
        let first = page.levels.iter().find(|level| !level.is_empty());
        let people: Vec<&str> = first.into_iter().flatten().map(|(_, name)| name.as_str()).collect();
        names(&people)
    };
    html! {
        p { "This arrived last: " strong { (foreign(&arrived.body.title)) } ", " (arrived.status.name()) "." }
        @if let Some(description) = &arrived.body.description { p.message dir="auto" { (description) } }
        ul.dots {
            li { "Its deduplication key is " code { (arrived.body.deduplication_key) } "." }
            @if let Some(priority) = &arrived.body.priority { li { "Its priority is " (foreign(priority)) "." } }
            @if arrived.filtered { li { "The filter would hold it back." } }
            @for (_, name) in &arrived.routes { li { "The route " (foreign(name)) " would take it." } }
            @if arrived.routing.is_some() && arrived.routes.is_empty() {
                li { "No route would take it." }
            }
            @for page in &arrived.notifications { li { "It would page " (foreign(&level(page))) " first." } }
            @for problem in &arrived.body.problems { li { "Problem: " (foreign(problem)) "." } }
        }
    }
}

/// How its sender is set up.
fn set_up(frame: &Frame<'_>, source: &Source) -> Result<Markup, Refusal> {
    let ctx = &frame.desk.ctx;
    let known = sources::get(&source.kind.0);
    let secret = open_secret(&ctx.seal, source.id, &source.secret)?;
    let url = address(&ctx.public_url, source);
    let has_address = known.is_none_or(|known| !known.is_found_by_secret());
    let secret = secret.expose_secret();
    let email = mail_address(ctx, source, secret);
    let own = [
        ("{url}", url.as_str()),
        ("{secret}", secret),
        ("{email}", email.as_deref().unwrap_or("no address: this installation takes no mail")),
    ];
    Ok(html! {
        section.card.set-up aria-labelledby="set-up" {
            h2 #set-up { "Set up the sender" }
            dl.properties {
                @if let Some(email) = &email { div { dt { "Mail address" } dd { code.token { (email) } } } }
                @if has_address { div { dt { "Address" } dd { code.token { (url) } } } }
                div { dt { "Secret" } dd { code.token { (secret) } } }
            }
            @if let Some(known) = known { div.steps { (steps(known.docs(), &own)) } }
        }
    })
}

/// What its filter and its limit hold back.
async fn held_back(frame: &Frame<'_>, source: &Source) -> Result<Markup, Refusal> {
    let filtered = frame.desk.ctx.store.filtered((source.org, source.id), FILTERED_DAYS).await?;
    let limit = source.intake.limit.as_ref();
    Ok(html! {
        @if !filtered.is_empty() || limit.is_some() {
            section.card aria-labelledby="held" {
                h2 #held { "Held back" }
                @if let Some(limit) = limit {
                    p { "At most " (limit.per_minute) " alerts a minute begin; one alert an hour stands for the others." }
                }
                ul.dots {
                    @for day in &filtered {
                        li { (day.day) ": the filter held back " (day.count) ", the last of them " (foreign(&day.last_title)) "." }
                    }
                }
            }
        }
    })
}

/// What can be done with it.
fn acts(frame: &Frame<'_>, source: &Source) -> Markup {
    let state = source.head().state();
    let off = format!("Whatever it sends is refused until it is enabled again. Disable “{}”?", source.name);
    let rotate = "A new secret is made, and the one now holds for another day: give the new one to every sender \
                  by then. Rotate?";
    let gone = format!("Its senders are refused for good; its alerts stay. Remove “{}”?", source.name);
    let switch = |to: &str, says: &str, sure: Option<&str>| {
        html! {
            form method="post" action=(format!("{}/switch", path(source.id))) data-sure=[sure] {
                (frame.field())
                input type="hidden" name="switch" value=(to);
                button type="submit" { (says) }
            }
        }
    };
    html! {
        section.card aria-labelledby="acts" {
            h2 #acts { "Do" }
            div.acts {
                @match state {
                    SourceState::Active => {
                        (press(frame, source, ("test", "Send the example: it pages"), None))
                        (switch("off", "Disable", Some(&off)))
                    },
                    SourceState::Disabled => (switch("on", "Enable", None)),
                    SourceState::Draft | SourceState::Destroyed => {},
                }
                (press(frame, source, ("rotate", "Rotate the secret"), Some(rotate)))
                (press(frame, source, ("remove", "Remove"), Some(&gone)))
            }
            @if let Some(previous) = source.previous.as_ref().filter(|previous| previous.holds(frame.now)) {
                p.hint { "The secret before holds until " (time(previous.until, frame.now)) "." }
            }
        }
    }
}

/// A form that is one button, with a question before it if it is not easily undone.
fn press(frame: &Frame<'_>, source: &Source, (act, says): (&str, &str), sure: Option<&str>) -> Markup {
    html! {
        form method="post" action=(format!("{}/{act}", path(source.id))) data-sure=[sure] {
            (frame.field())
            button type="submit" { (says) }
        }
    }
}

/// What became of it, the newest first.
async fn history(frame: &Frame<'_>, source: &Source) -> Result<Markup, Refusal> {
    let rows = frame.desk.ctx.store.source_history((source.org, source.id), MOST_STEPS).await?;
    Ok(html! {
        section.card aria-labelledby="history" {
            h2 #history { "History" }
            ul.dots {
                @for row in &rows { li { (row.why) " " (time(row.at, frame.now)) } }
                @if rows.len() < MOST_STEPS { li { "created " (time(source.created_at, frame.now)) } }
            }
        }
    })
}
