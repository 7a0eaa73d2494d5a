//! Sign-in by a provider of OpenID Connect: there, and back again.

use std::sync::Arc;

use app::oidc::begin::{GOOD_FOR, begin};
use app::oidc::finish::{Brought, finish};
use app::oidc::{Oidc, OidcError};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::get;
use http::HeaderMap;
use http::header::{HeaderValue, SET_COOKIE};
use maud::html;
use serde::Deserialize;
use tracing::warn;

use super::Desk;
use super::layout::{Top, page};
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::{begun, cookies, is_secure};

/// The routes of the way to the provider and back.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/sign-in/oidc", Access::Anybody, || get(leave)),
    Route::get("/sign-in/oidc/callback", Access::Anybody, || get(come_back)),
];

impl From<OidcError> for Refusal {
    fn from(error: OidcError) -> Self {
        match error {
            OidcError::Forged => Self::ForgedProvider,
            OidcError::Refused(reason) => {
                warn!(reason, "a provider's answer was refused");
                Self::RefusedProvider
            }
            OidcError::Nobody => Self::UnknownToUs,
            OidcError::Away(reason) => {
                warn!(reason, "a provider could not be asked");
                Self::Unavailable
            }
            OidcError::App(error) => error.into(),
        }
    }
}

/// The name of the cookie that a browser keeps while it is away.
fn cookie_name(public_url: &str) -> &'static str {
    if is_secure(public_url) { "__Host-firebell-oidc" } else { "firebell-oidc" }
}

/// The header that gives it, or takes it back. It comes back from another site, so it is not as strict as a session.
fn away(public_url: &str, value: &str, seconds: i64) -> HeaderValue {
    let (name, secure) = (cookie_name(public_url), if is_secure(public_url) { "; Secure" } else { "" });
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&cookie).expect("tokens, numbers and signatures are plain text")
}

/// The provider, if this installation has one.
fn provider(desk: &Desk) -> Result<&Oidc, Refusal> {
    desk.ctx.oidc.as_deref().ok_or(Refusal::Gone)
}

async fn leave(State(desk): State<Arc<Desk>>) -> Result<Response, Refusal> {
    let ctx = &desk.ctx;
    let sent = begin(provider(&desk)?, &ctx.seal, &ctx.public_url, ctx.now()).await?;
    let cookie = away(&ctx.public_url, &sent.kept, GOOD_FOR.as_secs());
    Ok((AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to(&sent.url)).into_response())
}

/// What the provider sends a browser back with.
#[derive(Deserialize)]
struct Back {
    state: Option<String>,
    code: Option<String>,
}

async fn come_back(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    back: Result<Query<Back>, QueryRejection>,
) -> Result<Response, Refusal> {
    let (ctx, oidc) = (&desk.ctx, provider(&desk)?);
    let Ok(Query(Back { state: Some(state), code })) = back else { return Err(Refusal::ForgedProvider) };
    // Without a code the provider has said no, or somebody there has.
    let Some(code) = code else { return Err(Refusal::RefusedProvider) };
    let kept = cookies(&headers, cookie_name(&ctx.public_url)).next().ok_or(Refusal::ForgedProvider)?;
    let brought = Brought { kept, state: &state, code: &code };
    let from = (oidc, &*ctx.public_url);
    let token = finish(&ctx.store, &ctx.seal, from, &brought, &ctx.random, ctx.now()).await?;
    let given = AppendHeaders([
        (SET_COOKIE, begun(&ctx.public_url, &token)),
        (SET_COOKIE, away(&ctx.public_url, "", 0)),
    ]);
    // A browser that was sent here by another site brings a strict cookie only once it goes on from a page of ours.
    let head = html! { meta http-equiv="refresh" content="0; url=/"; };
    let top = Top { title: "Signed in", head, narrow: true, ..Top::default() };
    let page = page(
        &top,
        &html! { section.card.notice { h1 { "You are signed in" } p { a href="/" { "Go on" } } } },
    );
    Ok((given, page).into_response())
}
