//! Connects a Slack workspace. An administrator goes to Slack, which sends them back with a code.
//!
//! The callback is accepted only in the browser in which the connection was started: the state is signed, expires after
//! ten minutes and contains a nonce. This browser has the signature of the state in a cookie.

use std::sync::Arc;

use app::{AppError, Context};
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::access::Permission;
use domain::id::{OrgId, UserId};
use domain::{Actor, Timestamp};
use http::{HeaderMap, HeaderValue, header};
use jiff::SignedDuration;
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use slack::CallError;
use tracing::{info, warn};

use super::WebState;
use super::layout::notice;
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::{SignedIn, cookies, is_secure};
use super::words::untrusted;

/// The purpose of the signature of a state.
const PURPOSE: &str = "slack-install";
/// How long a person may take at Slack.
const VALID_FOR: SignedDuration = SignedDuration::from_mins(10);
/// The path of the callback.
const CALLBACK: &str = "/slack/oauth";

/// The message for an installation without a Slack app.
const NO_SLACK_APP: &str = "This installation has no Slack app. To connect Slack, set FIREBELL_SLACK_CLIENT_ID, \
                            FIREBELL_SLACK_CLIENT_SECRET and FIREBELL_SLACK_SIGNING_SECRET.";

/// The scopes that the Slack app needs.
const SCOPES: &str = "app_mentions:read,channels:history,channels:manage,channels:read,chat:write,chat:write.public,\
                      commands,groups:history,groups:read,groups:write,im:write,incoming-webhook,pins:read,\
                      users:read,users:read.email";

/// The routes that connect a workspace.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/slack/install", Access::Needs(Permission::ConfigureOnCall), || get(start)),
    Route::get(CALLBACK, Access::Anybody, || get(callback)),
];

/// A page with one sentence.
fn message(text: &str) -> Markup {
    notice("Slack", &html! { p { (text) } })
}

/// The state of a connection that a person has started.
#[derive(Debug, PartialEq, Eq)]
struct InstallState {
    org: OrgId,
    user: UserId,
    until: Timestamp,
    nonce: String,
}

impl InstallState {
    fn text(&self) -> String {
        format!("{}.{}.{}.{}", self.org, self.user, self.until.as_second(), self.nonce)
    }

    /// The signed state, which Slack returns.
    fn signed(&self, ctx: &Context) -> String {
        let text = self.text();
        format!("{text}.{}", ctx.seal.sign(PURPOSE, &text))
    }

    /// Reads a signed state. `None` if it is invalid or has expired.
    fn read(ctx: &Context, state: &str) -> Option<Self> {
        let (text, signature) = state.rsplit_once('.')?;
        if !ctx.seal.is_signed(PURPOSE, text, signature) {
            return None;
        }
        let mut parts = text.split('.');
        let install = Self {
            org: parts.next()?.parse().ok()?,
            user: parts.next()?.parse().ok()?,
            until: Timestamp::from_second(parts.next()?.parse().ok()?).ok()?,
            nonce: parts.next()?.to_owned(),
        };
        (install.until > ctx.now()).then_some(install)
    }

    /// The value of the cookie. It shows that the browser of the callback is the one that started the connection.
    fn cookie(&self, ctx: &Context) -> String {
        ctx.seal.sign("slack-install-cookie", &self.text())
    }

    /// Returns whether the connection was started in this browser, in constant time.
    fn was_started_in(&self, ctx: &Context, headers: &HeaderMap) -> bool {
        let mut values = cookies(headers, cookie_name(&ctx.public_url));
        values.any(|value| ctx.seal.is_signed("slack-install-cookie", &self.text(), value))
    }
}

/// The name of the cookie. The prefix prevents other hosts of the domain from setting it.
fn cookie_name(public_url: &str) -> &'static str {
    if is_secure(public_url) { "__Host-firebell-slack" } else { "firebell-slack" }
}

/// The header of the cookie. It cannot be `SameSite=Strict`, because the callback comes from Slack.
fn set_cookie(public_url: &str, value: &str, seconds: i64) -> HeaderValue {
    let secure = if is_secure(public_url) { "; Secure" } else { "" };
    let name = cookie_name(public_url);
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&cookie).expect("a signature is plain text")
}

/// The address of the callback.
fn callback_url(ctx: &Context) -> String {
    format!("{}{CALLBACK}", ctx.public_url)
}

/// Shows the link to Slack. Nothing changes until a person follows it.
async fn start(State(web): State<Arc<WebState>>, signed_in: SignedIn) -> Result<Response, Refusal> {
    signed_in.actor().may(Permission::ConfigureOnCall).map_err(app::AppError::from)?;
    let ctx = &web.ctx;
    let Some((client, _)) = ctx.slack.client.as_ref().filter(|_| ctx.slack.api.is_some()) else {
        return Ok(message(NO_SLACK_APP).into_response());
    };
    let user = &signed_in.user;
    let install = InstallState {
        org: signed_in.session.org,
        user: user.id,
        until: ctx.now() + VALID_FOR,
        nonce: ctx.seal.random_token(16),
    };
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let address = format!(
        "https://slack.com/oauth/v2/authorize?client_id={}&scope={}&redirect_uri={}&state={}",
        encoded(client),
        encoded(SCOPES),
        encoded(&callback_url(ctx)),
        encoded(&install.signed(ctx)),
    );
    let connected = signed_in.rules.org.slack.as_ref().map(|workspace| workspace.name.as_str());
    let page = notice(
        "Slack",
        &html! {
            @if let Some(name) = connected {
                p { "The workspace " strong { (untrusted(name)) } " is connected. If you connect another workspace, it \
                     replaces this one." }
            } @else {
                p { "Slack will ask you for the channel in which Firebell announces incidents." }
            }
            p { a.primary href=(address) rel="noreferrer" { "Connect Slack" } }
        },
    );
    let mut response = page.into_response();
    let cookie = set_cookie(&ctx.public_url, &install.cookie(ctx), VALID_FOR.as_secs());
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// The query parameters that Slack adds to the callback.
#[derive(Deserialize)]
struct SlackCallback {
    code: Option<String>,
    state: Option<String>,
}

/// Connects the workspace with the code from Slack.
async fn callback(
    State(web): State<Arc<WebState>>,
    Query(query): Query<SlackCallback>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let ctx = &web.ctx;
    let answer = |text: &str| {
        let mut response = message(text).into_response();
        response.headers_mut().insert(header::SET_COOKIE, set_cookie(&ctx.public_url, "", 0));
        response
    };
    let install = query.state.as_deref().and_then(|state| InstallState::read(ctx, state));
    let Some(install) = install.filter(|install| install.was_started_in(ctx, &headers)) else {
        return Ok(refused(answer(
            "The connection was started in another browser, or it took longer than 10 minutes. Start again.",
        )));
    };
    let (Some((id, secret)), Some(api)) = (&ctx.slack.client, &ctx.slack.api) else {
        return Ok(refused(answer(NO_SLACK_APP)));
    };
    let Some(code) = query.code.filter(|code| !code.is_empty() && code.len() <= 512) else {
        return Ok(answer("Slack was not connected, because the request was cancelled in Slack."));
    };
    // The person may have been removed in the meantime, or have lost the permission.
    let rules = web.rules.of(install.org).await?;
    let user = rules.user(install.user).await.map_err(AppError::from)?;
    let actor = user.map(|user| Actor::person(install.org, &user));
    let actor = actor.filter(|actor| actor.may(Permission::ConfigureOnCall).is_ok());
    let Some(actor) = actor else {
        return Ok(refused(answer("Only administrators can connect a Slack workspace. Ask one of them.")));
    };
    let authorised = match api.authorise((id, secret), &code, &callback_url(ctx)).await {
        Ok(authorised) => authorised,
        Err(CallError::Refused(word)) => {
            warn!(reason = word, "slack refused to connect the workspace");
            return Ok(refused(answer(
                "Slack refused the connection, because the link was already used or has expired. Start again.",
            )));
        }
        Err(CallError::Later { reason, .. }) => {
            warn!(reason, "cannot reach slack to connect a workspace");
            return Ok(refused(answer("Slack did not answer. Try again in a minute.")));
        }
    };
    match app::slack::connect::connect(&ctx.store, &ctx.seal, &actor, &authorised, &ctx.random, ctx.now())
        .await
    {
        Ok(()) => {
            info!(slack.team = %authorised.team, "connected slack workspace");
            Ok(answer(&format!(
                "{} is connected. To declare an incident in Slack, enter /inc.",
                authorised.name
            )))
        }
        Err(AppError::Illegal(_)) => {
            Ok(refused(answer("Another organisation has already connected this workspace.")))
        }
        Err(error) => Err(error.into()),
    }
}

/// Changes the status of a response to 403.
fn refused(mut response: Response) -> Response {
    *response.status_mut() = http::StatusCode::FORBIDDEN;
    response
}
