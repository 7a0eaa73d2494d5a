//! Sign-in with an OpenID Connect provider: the redirect to the provider, and the callback.

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
use tracing::{error, warn};

use super::WebState;
use super::layout::{Layout, page};
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::{cookies, is_secure, start_cookie};

/// The routes of the redirect and the callback.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/sign-in/oidc", Access::Anybody, || get(redirect)),
    Route::get("/sign-in/oidc/callback", Access::Anybody, || get(callback)),
];

impl From<OidcError> for Refusal {
    fn from(error: OidcError) -> Self {
        match error {
            OidcError::Forged => Self::InvalidProviderAnswer,
            OidcError::Refused(reason) => {
                warn!(reason, "rejected answer of sign-in provider");
                Self::ProviderRefused
            }
            OidcError::Nobody => Self::UnknownPerson,
            OidcError::Away(reason) => {
                error!(reason, "cannot reach sign-in provider");
                Self::Unavailable
            }
            OidcError::App(error) => error.into(),
        }
    }
}

/// The name of the cookie that a browser keeps while it is at the provider.
fn cookie_name(public_url: &str) -> &'static str {
    if is_secure(public_url) { "__Host-firebell-oidc" } else { "firebell-oidc" }
}

/// The header that sets or removes that cookie. It cannot be `SameSite=Strict`, because the callback comes from another
/// site.
fn set_cookie(public_url: &str, value: &str, seconds: i64) -> HeaderValue {
    let (name, secure) = (cookie_name(public_url), if is_secure(public_url) { "; Secure" } else { "" });
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&cookie).expect("tokens, numbers and signatures are plain text")
}

/// The sign-in provider. Answers 404 if this installation has none.
fn provider(web: &WebState) -> Result<&Oidc, Refusal> {
    web.ctx.oidc.as_deref().ok_or(Refusal::NotFound)
}

async fn redirect(State(web): State<Arc<WebState>>) -> Result<Response, Refusal> {
    let ctx = &web.ctx;
    let begun = begin(provider(&web)?, &ctx.seal, &ctx.public_url, ctx.now()).await?;
    let cookie = set_cookie(&ctx.public_url, &begun.kept, GOOD_FOR.as_secs());
    Ok((AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to(&begun.url)).into_response())
}

/// The query parameters that the provider adds to the callback.
#[derive(Deserialize)]
struct OidcCallback {
    state: Option<String>,
    code: Option<String>,
}

async fn callback(
    State(web): State<Arc<WebState>>,
    headers: HeaderMap,
    query: Result<Query<OidcCallback>, QueryRejection>,
) -> Result<Response, Refusal> {
    let (ctx, oidc) = (&web.ctx, provider(&web)?);
    let Ok(Query(OidcCallback { state: Some(state), code })) = query else {
        return Err(Refusal::InvalidProviderAnswer);
    };
    // Without a code, the provider or the person at the provider has refused.
    let Some(code) = code else { return Err(Refusal::ProviderRefused) };
    let kept =
        cookies(&headers, cookie_name(&ctx.public_url)).next().ok_or(Refusal::InvalidProviderAnswer)?;
    let brought = Brought { kept, state: &state, code: &code };
    let from = (oidc, &*ctx.public_url);
    let token = finish(&ctx.store, &ctx.seal, from, &brought, &ctx.random, ctx.now()).await?;
    let cookies = AppendHeaders([
        (SET_COOKIE, start_cookie(&ctx.public_url, &token)),
        (SET_COOKIE, set_cookie(&ctx.public_url, "", 0)),
    ]);
    // Browsers do not send a strict cookie after a redirect from another site, only after a page of our own.
    let head = html! { meta http-equiv="refresh" content="0; url=/"; };
    let layout = Layout { title: "Signed in", head, narrow: true, ..Layout::default() };
    let page = page(
        &layout,
        &html! { section.card.notice { h1 { "You are signed in" } p { a href="/" { "Go to Home" } } } },
    );
    Ok((cookies, page).into_response())
}
