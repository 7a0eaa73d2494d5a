//! Sign-in by a link that works once. A person requests it by email; `cargo local` prints one for the owner.

use std::sync::Arc;

use app::Context;
use app::link::LinkError;
use app::sign_in::ask::{LinkRequest, ask};
use app::sign_in::enter::{EnterError, Opened, enter, look};
use app::sign_in::hand_over::hand_over;
use axum::Extension;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
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

use super::WebState;
use super::layout::{Layout, notice, page};
use super::list::QueryParams;
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::{Confirmed, end_cookie, is_same_origin, start_cookie};
use super::words::untrusted;

/// Makes a link that signs its holder in as the owner of the organisation, once. Show it to the owner only.
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
            EnterError::Link(LinkError::Forged) => Self::InvalidSignInLink,
            EnterError::Link(LinkError::Expired) => Self::ExpiredSignInLink,
            EnterError::Link(LinkError::Used) => Self::UsedSignInLink,
            EnterError::App(error) => error.into(),
        }
    }
}

async fn show(State(web): State<Arc<WebState>>, params: QueryParams) -> Result<Response, Refusal> {
    let Some(token) = params.text("token") else { return Ok(request_link_page(&web)) };
    let ctx = &web.ctx;
    let Opened { whom, user, .. } = look(&ctx.store, &ctx.seal, token, ctx.now()).await?;
    let rules = web.rules.of(whom.org).await?;
    let layout = Layout { title: "Sign in", narrow: true, ..Layout::default() };
    let page = page(
        &layout,
        &html! {
            section.card.notice {
                h1 { "Sign in to " (untrusted(&rules.org.name)) }
                p { "You will be signed in as " strong { (untrusted(&user.name)) } " in this browser for 12 hours. \
                     This link can be used once." }
                form method="post" action="/sign-in" {
                    input type="hidden" name="token" value=(token);
                    button.primary type="submit" { "Sign in" }
                }
            }
        },
    );
    Ok(page.into_response())
}

/// The page on which a person requests a sign-in link.
fn request_link_page(web: &WebState) -> Response {
    let text = html! {
        @if let Some(oidc) = &web.ctx.oidc {
            p { a href="/sign-in/oidc" { "Sign in with " (untrusted(oidc.host())) } }
        }
        (request_link_form())
    };
    let page = notice("Sign in", &text);
    // The form must send its origin to us. Other sites still receive no referrer.
    (AppendHeaders([(REFERRER_POLICY, "same-origin")]), page).into_response()
}

/// The form that requests a sign-in link.
pub(super) fn request_link_form() -> Markup {
    html! {
        form.ask method="post" action="/sign-in" {
            label.field {
                span { "Email address" }
                input type="email" name="email" required autocomplete="email" maxlength="254";
            }
            button.primary type="submit" { "Send sign-in link" }
        }
    }
}

/// The form that uses a sign-in link (`token`) or requests one (`email`).
#[derive(Deserialize)]
struct SignInForm {
    token: Option<String>,
    email: Option<String>,
}

async fn sign_in(
    State(web): State<Arc<WebState>>,
    trace: Option<Extension<Tracing>>,
    headers: HeaderMap,
    form: Result<Form<SignInForm>, FormRejection>,
) -> Result<Response, Refusal> {
    // Another site must not sign a person in, possibly as somebody else.
    if !is_same_origin(&headers, &web.ctx.public_url) {
        return Err(Refusal::InvalidForm);
    }
    let ctx = &web.ctx;
    match form {
        Ok(Form(SignInForm { token: Some(token), .. })) => {
            let token = enter(&ctx.store, &ctx.seal, &token, &ctx.random, ctx.now()).await?;
            let cookie = start_cookie(&ctx.public_url, &token);
            Ok((AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to("/")).into_response())
        }
        Ok(Form(SignInForm { email: Some(email), .. })) => {
            let trace = trace.map_or_else(|| Trace::begin(ctx.random()), |Extension(Tracing(trace))| trace);
            let client = client_address(&headers);
            match ask(&ctx.store, &email, &client, trace, &ctx.random, ctx.now()).await {
                Ok(LinkRequest::Noted) => Ok(link_requested()),
                Ok(LinkRequest::TooMany) => Err(Refusal::TooManySignIns),
                // The answer must not tell whether an address is valid or known.
                Err(app::AppError::Invalid { .. }) => Ok(link_requested()),
                Err(error) => Err(error.into()),
            }
        }
        Ok(_) | Err(_) => Err(Refusal::InvalidSignInLink),
    }
}

/// The address of the client, as the last proxy reports it. Earlier entries of the header can be forged.
fn client_address(headers: &HeaderMap) -> String {
    let last =
        headers.get_all("x-forwarded-for").into_iter().next_back().and_then(|value| value.to_str().ok());
    let last = last.and_then(|value| value.rsplit(',').next()).unwrap_or("direct");
    domain::text::shorten(last.trim(), 60)
}

/// The answer to every request for a link, so that it does not tell which addresses are known.
fn link_requested() -> Response {
    let text = html! {
        p { "If a member of this organisation has this email address, we have sent a sign-in link to it. The link is \
             valid for 15 minutes and can be used once." }
        p { "If you do not receive it within a few minutes, check your spam folder, or ask an administrator which address \
             is on your account." }
    };
    (StatusCode::ACCEPTED, notice("Check your email", &text)).into_response()
}

async fn sign_out(
    State(web): State<Arc<WebState>>,
    Confirmed(signed_in): Confirmed,
) -> Result<Response, Refusal> {
    let (ctx, actor) = (&web.ctx, signed_in.actor());
    let owner = (&actor, &*signed_in.user);
    app::session::end::end(&ctx.store, owner, signed_in.session.token(), &ctx.random, ctx.now()).await?;
    let cookie = end_cookie(&ctx.public_url);
    Ok((AppendHeaders([(SET_COOKIE, cookie)]), Redirect::to("/")).into_response())
}
