//! Sign-in on one machine: a link that is printed where only the owner looks, and is good for a quarter of an hour.

use std::sync::Arc;

use app::Context;
use app::link::LinkError;
use app::seal::Seal;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Query, State};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::Timestamp;
use domain::id::OrgId;
use http::header::SET_COOKIE;
use jiff::SignedDuration;
use maud::{Markup, html};
use serde::Deserialize;

use super::Desk;
use super::layout::{Top, page};
use super::refusal::Refusal;
use super::session::{Confirmed, Session, ended};
use super::words::foreign;

/// How long a link is good.
const GOOD_FOR: SignedDuration = SignedDuration::from_mins(15);

/// What the signature is for.
const PURPOSE: &str = "sign-in";

/// A link that signs its holder in as the owner of the organisation; whoever can read it is believed.
pub fn sign_in_link(ctx: &Context, org: OrgId) -> String {
    let text = format!("{org}.{}", (ctx.now() + GOOD_FOR).as_second());
    format!("{}/sign-in?token={text}.{}", ctx.public_url, ctx.seal.sign(PURPOSE, &text))
}

/// Reads the token of a link: the organisation that it opens.
fn read(seal: &Seal, token: &str, now: Timestamp) -> Result<OrgId, LinkError> {
    let (text, signature) = token.rsplit_once('.').ok_or(LinkError::Forged)?;
    if !seal.is_signed(PURPOSE, text, signature) {
        return Err(LinkError::Forged);
    }
    let parts = || {
        let (org, until) = text.split_once('.')?;
        Some((org.parse().ok()?, Timestamp::from_second(until.parse().ok()?).ok()?))
    };
    let (org, until) = parts().ok_or(LinkError::Forged)?;
    if until <= now { Err(LinkError::Expired) } else { Ok(org) }
}

/// The router of sign-in and sign-out.
pub(super) fn router() -> axum::Router<Arc<Desk>> {
    axum::Router::new().route("/sign-in", get(show).post(sign_in)).route("/sign-out", post(sign_out))
}

/// What the link carries, and the button.
#[derive(Deserialize)]
struct Token {
    token: String,
}

/// Says of a link that is not good how to get another.
fn opened(desk: &Desk, token: &str) -> Result<OrgId, Refusal> {
    read(&desk.ctx.seal, token, desk.ctx.now()).map_err(|error| match error {
        LinkError::Forged => Refusal::ForgedSignIn,
        LinkError::Expired => Refusal::ExpiredSignIn,
    })
}

async fn show(
    State(desk): State<Arc<Desk>>,
    asked: Result<Query<Token>, QueryRejection>,
) -> Result<Markup, Refusal> {
    let Ok(Query(Token { token })) = asked else { return Err(Refusal::SignedOut) };
    let rules = desk.rules.of(opened(&desk, &token)?).await?;
    let top = Top { title: "Sign in", narrow: true, ..Top::default() };
    Ok(page(
        &top,
        &html! {
            section.card.notice {
                h1 { "Sign in to " (foreign(&rules.org.name)) }
                p { "You will be signed in as the owner, in this browser, for twelve hours." }
                form method="post" action="/sign-in" {
                    input type="hidden" name="token" value=(token);
                    button.primary type="submit" { "Sign in" }
                }
            }
        },
    ))
}

async fn sign_in(
    State(desk): State<Arc<Desk>>,
    form: Result<Form<Token>, FormRejection>,
) -> Result<Response, Refusal> {
    let Ok(Form(Token { token })) = form else { return Err(Refusal::ForgedSignIn) };
    let org = opened(&desk, &token)?;
    let (ctx, rules) = (&desk.ctx, desk.rules.of(org).await?);
    let session = Session::begin(&ctx.seal, org, rules.org.owner, ctx.now());
    let cookie = session.begun(&ctx.seal, &ctx.public_url);
    Ok((AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to("/")).into_response())
}

async fn sign_out(State(desk): State<Arc<Desk>>, Confirmed(_): Confirmed) -> Response {
    (AppendHeaders([(SET_COOKIE, ended(&desk.ctx.public_url))]), Redirect::to("/")).into_response()
}
