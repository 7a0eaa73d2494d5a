//! Sign-in by a link: asked for by mail, or printed where only the owner looks. It is good once.

use std::sync::Arc;

use app::Context;
use app::link::LinkError;
use app::sign_in::ask::{Asked, ask};
use app::sign_in::enter::{EnterError, Opened, enter, look};
use app::sign_in::hand_over::hand_over;
use axum::Extension;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Query, State};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::id::OrgId;
use domain::sign_in::SignInPerson;
use domain::trace::Trace;
use http::header::{REFERRER_POLICY, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use maud::{Markup, html};
use runtime::Tracing;
use serde::Deserialize;

use super::Desk;
use super::layout::{Top, notice, page};
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::{Confirmed, begun, ended, is_from_us};
use super::words::foreign;

/// A link that signs its holder in as the owner of the organisation, once; whoever can read it is believed.
///
/// # Errors
/// [`app::AppError`] if the store failed.
pub async fn sign_in_link(ctx: &Context, org: OrgId) -> Result<String, app::AppError> {
    let found = ctx.store.org(org).await?.ok_or_else(|| app::AppError::not_found("organisation", org))?;
    let whom = SignInPerson { org, user: found.owner };
    hand_over(&ctx.store, &ctx.seal, &ctx.public_url, whom, &ctx.random, ctx.now()).await
}

/// The routes of sign-in and sign-out.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/sign-in", Access::Anybody, || get(show)),
    Route::post("/sign-in", Access::Anybody, || post(sign_in)),
    Route::post("/sign-out", Access::SignedIn, || post(sign_out)),
];

impl From<EnterError> for Refusal {
    fn from(error: EnterError) -> Self {
        match error {
            EnterError::Link(LinkError::Forged) => Self::ForgedSignIn,
            EnterError::Link(LinkError::Expired) => Self::ExpiredSignIn,
            EnterError::Link(LinkError::Used) => Self::UsedSignIn,
            EnterError::App(error) => error.into(),
        }
    }
}

/// What a link carries, if it is one.
#[derive(Deserialize)]
struct Link {
    token: Option<String>,
}

async fn show(
    State(desk): State<Arc<Desk>>,
    asked: Result<Query<Link>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Ok(Query(Link { token: Some(token) })) = asked else { return Ok(asking(&desk)) };
    let ctx = &desk.ctx;
    let Opened { whom, user, .. } = look(&ctx.store, &ctx.seal, &token, ctx.now()).await?;
    let rules = desk.rules.of(whom.org).await?;
    let top = Top { title: "Sign in", narrow: true, ..Top::default() };
    let page = page(
        &top,
        &html! {
            section.card.notice {
                h1 { "Sign in to " (foreign(&rules.org.name)) }
                p { "You will be signed in as " strong { (foreign(&user.name)) } ", in this browser, for twelve hours. \
                     The link is good once." }
                form method="post" action="/sign-in" {
                    input type="hidden" name="token" value=(token);
                    button.primary type="submit" { "Sign in" }
                }
            }
        },
    );
    Ok(page.into_response())
}

/// The page that asks for an address.
fn asking(desk: &Desk) -> Response {
    let text = html! {
        @if let Some(oidc) = &desk.ctx.oidc {
            p { a href="/sign-in/oidc" { "Sign in with " (foreign(oidc.host())) } }
        }
        (ask_for_link())
    };
    let page = notice("Sign in", &text);
    // Our own form must say where it comes from; other sites still hear nothing.
    (AppendHeaders([(REFERRER_POLICY, "same-origin")]), page).into_response()
}

/// The form that asks for a link.
pub(super) fn ask_for_link() -> Markup {
    html! {
        form.ask method="post" action="/sign-in" {
            p { label for="email" { "Your mail address" } }
            p { input #email type="email" name="email" required autocomplete="email" maxlength="254"; }
            button.primary type="submit" { "Send me a link" }
        }
    }
}

/// What the button of a link, or the form that asks for one, carries.
#[derive(Deserialize)]
struct Fields {
    token: Option<String>,
    email: Option<String>,
}

async fn sign_in(
    State(desk): State<Arc<Desk>>,
    trace: Option<Extension<Tracing>>,
    headers: HeaderMap,
    form: Result<Form<Fields>, FormRejection>,
) -> Result<Response, Refusal> {
    // Nobody is signed in by another site, least of all as somebody else.
    if !is_from_us(&headers, &desk.ctx.public_url) {
        return Err(Refusal::CrossSite);
    }
    let ctx = &desk.ctx;
    match form {
        Ok(Form(Fields { token: Some(token), .. })) => {
            let kept = enter(&ctx.store, &ctx.seal, &token, &ctx.random, ctx.now()).await?;
            let cookie = begun(&ctx.public_url, &kept);
            Ok((AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to("/")).into_response())
        }
        Ok(Form(Fields { email: Some(email), .. })) => {
            let trace = trace.map_or_else(|| Trace::begin(ctx.random()), |Extension(Tracing(trace))| trace);
            let place = place(&headers);
            match ask(&ctx.store, &email, &place, trace, &ctx.random, ctx.now()).await {
                Ok(Asked::Noted) => Ok(noted()),
                Ok(Asked::TooMany) => Err(Refusal::TooManySignIns),
                // What is no address is nobody's.
                Err(app::AppError::Invalid { .. }) => Ok(noted()),
                Err(error) => Err(error.into()),
            }
        }
        Ok(_) | Err(_) => Err(Refusal::ForgedSignIn),
    }
}

/// Where a request comes from, as the last one says who handed it on; nobody before can be believed.
fn place(headers: &HeaderMap) -> String {
    let last =
        headers.get_all("x-forwarded-for").into_iter().next_back().and_then(|value| value.to_str().ok());
    let last = last.and_then(|value| value.rsplit(',').next()).unwrap_or("direct");
    domain::text::shorten(last.trim(), 60)
}

/// What is said of every address, whether it is anybody's or not.
fn noted() -> Response {
    let text = html! {
        p { "If somebody here has this address, a link is on its way to it. It is good for a quarter of an hour, and once." }
        p { "Nothing after a few minutes? Look among unwanted mail, or ask an administrator which address is yours." }
    };
    (StatusCode::ACCEPTED, notice("Look into your mail", &text)).into_response()
}

async fn sign_out(
    State(desk): State<Arc<Desk>>,
    Confirmed(signed_in): Confirmed,
) -> Result<Response, Refusal> {
    let (ctx, actor) = (&desk.ctx, signed_in.actor());
    let whose = (&actor, &*signed_in.user);
    app::session::end::end(&ctx.store, whose, signed_in.session.token(), &ctx.random, ctx.now()).await?;
    let cookie = ended(&ctx.public_url);
    Ok((AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to("/")).into_response())
}
