//! The actions on an alert source: activate, disable, rotate the secret, delete, send a test alert.

use std::sync::Arc;

use app::AppError;
use app::source::find;
use app::source::rotate::{DEFAULT_OVERLAP_HOURS, Rotation};
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use domain::access::Permission;
use domain::id::SourceId;
use domain::source::{Source, SourceState};
use domain::trace::Trace;
use http::HeaderMap;
use machine::Stateful;
use maud::{Markup, html};
use serde::Deserialize;

use super::path;
use super::source::SourcePage;
use crate::alert_sources::send_example;
use crate::web::WebState;
use crate::web::form::{ButtonForm, Submitted, form_error};
use crate::web::frame::Frame;
use crate::web::path_param::PathParam;
use crate::web::refusal::Refusal;
use crate::web::session::SignedIn;
use crate::web::words::time;

/// The form that enables or disables a source.
#[derive(Debug, Deserialize)]
pub(in crate::web) struct SwitchForm {
    /// `off` to disable the source.
    #[serde(default)]
    switch: String,
}

pub(in crate::web) async fn activate(
    State(web): State<Arc<WebState>>,
    PathParam(id): PathParam<SourceId>,
    Submitted { signed_in, form: ButtonForm {} }: Submitted<ButtonForm>,
) -> Result<Response, Refusal> {
    let (ctx, by) = (&web.ctx, signed_in.actor());
    let activated = app::source::activate::activate(&ctx.store, &by, id, &ctx.random, ctx.now()).await;
    answer(&web, &signed_in, (id, "activated"), activated).await
}

pub(in crate::web) async fn switch(
    State(web): State<Arc<WebState>>,
    PathParam(id): PathParam<SourceId>,
    Submitted { signed_in, form }: Submitted<SwitchForm>,
) -> Result<Response, Refusal> {
    let (ctx, by) = (&web.ctx, signed_in.actor());
    let off = form.switch == "off";
    let switched = app::source::switch::switch(&ctx.store, &by, (id, off), &ctx.random, ctx.now()).await;
    answer(&web, &signed_in, (id, if off { "disabled" } else { "enabled" }), switched).await
}

pub(in crate::web) async fn rotate(
    State(web): State<Arc<WebState>>,
    PathParam(id): PathParam<SourceId>,
    Submitted { signed_in, form: ButtonForm {} }: Submitted<ButtonForm>,
) -> Result<Response, Refusal> {
    let (ctx, by) = (&web.ctx, signed_in.actor());
    let rotation = Rotation { secret: None, overlap_hours: DEFAULT_OVERLAP_HOURS };
    let which = (id, &rotation);
    let rotated =
        app::source::rotate::rotate(&ctx.store, &ctx.seal, &by, which, &ctx.random, ctx.now()).await;
    answer(&web, &signed_in, (id, "rotated"), rotated).await
}

pub(in crate::web) async fn remove(
    State(web): State<Arc<WebState>>,
    PathParam(id): PathParam<SourceId>,
    Submitted { signed_in, form: ButtonForm {} }: Submitted<ButtonForm>,
) -> Result<Redirect, Refusal> {
    let ctx = &web.ctx;
    app::source::destroy::destroy(&ctx.store, &signed_in.actor(), id, &ctx.random, ctx.now()).await?;
    Ok(Redirect::to("/alert-sources?done=removed"))
}

/// Delivers the example of the source type to the source, as a sender would.
pub(in crate::web) async fn test(
    State(web): State<Arc<WebState>>,
    PathParam(id): PathParam<SourceId>,
    Submitted { signed_in, form: ButtonForm {} }: Submitted<ButtonForm>,
) -> Result<Response, Refusal> {
    let (ctx, by) = (&web.ctx, signed_in.actor());
    by.may(Permission::ConfigureOnCall).map_err(AppError::from)?;
    let source = find(&ctx.store, by.org(), id).await?;
    let error = match send_example(ctx, &source, Trace::begin(ctx.random())).await {
        Ok(answer) if answer.status().is_success() => {
            return Ok(Redirect::to(&format!("{}?done=tested", path(id))).into_response());
        }
        Ok(answer) => {
            format!("The test alert was refused with HTTP status {}.", answer.status().as_u16())
        }
        Err(error) => form_error(AppError::invalid("test", error.message()))?,
    };
    refuse(&web, &signed_in, id, error).await
}

/// Redirects to the page of the source, or answers with that page and the error.
async fn answer(
    web: &WebState,
    signed_in: &SignedIn,
    (id, done): (SourceId, &str),
    result: Result<Source, AppError>,
) -> Result<Response, Refusal> {
    match result {
        Ok(_) => Ok(Redirect::to(&format!("{}?done={done}", path(id))).into_response()),
        Err(error) => refuse(web, signed_in, id, form_error(error)?).await,
    }
}

/// Answers with the page of the source and an error.
async fn refuse(
    web: &WebState,
    signed_in: &SignedIn,
    id: SourceId,
    error: String,
) -> Result<Response, Refusal> {
    let page = SourcePage { done: "", error: Some(error) };
    page.answer(web, signed_in, &HeaderMap::new(), id).await
}

/// The card with the actions.
pub(super) fn card(frame: &Frame<'_>, source: &Source) -> Markup {
    let disable =
        format!("Deliveries are refused until you enable the alert source again. Disable “{}”?", source.name);
    let rotate = format!(
        "You get a new secret. The current secret stays valid for {DEFAULT_OVERLAP_HOURS} hours: update every sender \
         before then. Rotate the secret?"
    );
    let delete =
        format!("Deliveries are refused permanently. The alerts are kept. Delete “{}”?", source.name);
    html! {
        section.card aria-labelledby="actions" {
            h2 #actions { "Actions" }
            div.acts {
                @match source.head().state() {
                    SourceState::Active => {
                        (button(frame, source, ("test", "Send test alert (pages the on-call person)"), None))
                        (switch_button(frame, source, ("off", "Disable"), Some(&disable)))
                    },
                    SourceState::Disabled => (switch_button(frame, source, ("on", "Enable"), None)),
                    SourceState::Draft | SourceState::Destroyed => {},
                }
                (button(frame, source, ("rotate", "Rotate secret"), Some(&rotate)))
                (button(frame, source, ("remove", "Delete"), Some(&delete)))
            }
            @if let Some(previous) = source.previous.as_ref().filter(|previous| previous.holds(frame.now)) {
                p.hint { "The previous secret is valid until " (time(previous.until, frame.now)) "." }
            }
        }
    }
}

/// A form with one button, and a confirmation before it if the action is hard to undo.
pub(super) fn button(
    frame: &Frame<'_>,
    source: &Source,
    (action, label): (&str, &str),
    confirm: Option<&str>,
) -> Markup {
    html! {
        form method="post" action=(format!("{}/{action}", path(source.id))) data-confirm=[confirm] {
            (frame.token_field())
            button type="submit" { (label) }
        }
    }
}

/// The button that enables or disables a source.
fn switch_button(
    frame: &Frame<'_>,
    source: &Source,
    (to, label): (&str, &str),
    confirm: Option<&str>,
) -> Markup {
    html! {
        form method="post" action=(format!("{}/switch", path(source.id))) data-confirm=[confirm] {
            (frame.token_field())
            input type="hidden" name="switch" value=(to);
            button type="submit" { (label) }
        }
    }
}
