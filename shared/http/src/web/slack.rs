//! Connects a workspace: an administrator who is signed in is sent to Slack, and comes back with a code.
//!
//! What comes back is believed only in the browser that began: the state is signed, ends after ten minutes, and holds
//! a nonce that this browser has as a cookie.

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

use super::Desk;
use super::layout::notice;
use super::refusal::Refusal;
use super::route::{Access, Route};
use super::session::SignedIn;
use super::words::foreign;

/// What the signature of a state is for.
const PURPOSE: &str = "slack-install";
/// How long somebody has at Slack.
const LASTS: SignedDuration = SignedDuration::from_mins(10);
/// The path that Slack sends people back to.
const BACK: &str = "/slack/oauth";

/// What the app asks for.
const SCOPES: &str = "app_mentions:read,channels:history,channels:manage,channels:read,chat:write,chat:write.public,\
                      commands,groups:history,groups:read,groups:write,im:write,incoming-webhook,pins:read,\
                      users:read,users:read.email";

/// The routes of connecting.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/slack/install", Access::Needs(Permission::ConfigureOnCall), || get(begin)),
    Route::get(BACK, Access::Anybody, || get(back)),
];

/// A page that says one thing.
fn message(text: &str) -> Markup {
    notice("Slack", &html! { p { (text) } })
}

/// Somebody on their way through Slack.
#[derive(Debug, PartialEq, Eq)]
struct Journey {
    org: OrgId,
    user: UserId,
    until: Timestamp,
    nonce: String,
}

impl Journey {
    fn text(&self) -> String {
        format!("{}.{}.{}.{}", self.org, self.user, self.until.as_second(), self.nonce)
    }

    /// The state that Slack brings back.
    fn state(&self, ctx: &Context) -> String {
        let text = self.text();
        format!("{text}.{}", ctx.seal.sign(PURPOSE, &text))
    }

    /// Reads a state; none if it is not ours, or over.
    fn read(ctx: &Context, state: &str) -> Option<Self> {
        let (text, signature) = state.rsplit_once('.')?;
        if !ctx.seal.is_signed(PURPOSE, text, signature) {
            return None;
        }
        let mut parts = text.split('.');
        let journey = Self {
            org: parts.next()?.parse().ok()?,
            user: parts.next()?.parse().ok()?,
            until: Timestamp::from_second(parts.next()?.parse().ok()?).ok()?,
            nonce: parts.next()?.to_owned(),
        };
        (journey.until > ctx.now()).then_some(journey)
    }

    /// What the browser keeps: it shows that whoever comes back is who went.
    fn cookie(&self, ctx: &Context) -> String {
        ctx.seal.sign("slack-install-cookie", &self.text())
    }

    /// Says whether a browser is the one that began, in constant time.
    fn began_in(&self, ctx: &Context, headers: &HeaderMap) -> bool {
        let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let name = cookie_name(&ctx.public_url);
        let mut values = cookies
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='));
        values.any(|value| ctx.seal.is_signed("slack-install-cookie", &self.text(), value))
    }
}

/// The name of the cookie; the prefix keeps other hosts of a domain from planting one.
fn cookie_name(public_url: &str) -> &'static str {
    if public_url.starts_with("http://") { "firebell-slack" } else { "__Host-firebell-slack" }
}

/// The cookie's header. It is sent when Slack sends the browser back, which `Strict` would not allow.
fn set_cookie(public_url: &str, value: &str, seconds: i64) -> HeaderValue {
    let secure = if public_url.starts_with("http://") { "" } else { "; Secure" };
    let name = cookie_name(public_url);
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&cookie).expect("a signature is plain text")
}

/// Where Slack sends people back to.
fn redirect(ctx: &Context) -> String {
    format!("{}{BACK}", ctx.public_url)
}

/// Shows the way to Slack. It changes nothing: the way is a link that somebody has to follow.
async fn begin(State(desk): State<Arc<Desk>>, signed_in: SignedIn) -> Result<Response, Refusal> {
    signed_in.actor().may(Permission::ConfigureOnCall).map_err(app::AppError::from)?;
    let ctx = &desk.ctx;
    let Some((client, _)) = ctx.slack.client.as_ref().filter(|_| ctx.slack.api.is_some()) else {
        let said = "This installation has no Slack app yet: its settings name one.";
        return Ok(message(said).into_response());
    };
    let user = &signed_in.user;
    let journey = Journey {
        org: signed_in.session.org,
        user: user.id,
        until: ctx.now() + LASTS,
        nonce: ctx.seal.random_token(16),
    };
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let address = format!(
        "https://slack.com/oauth/v2/authorize?client_id={}&scope={}&redirect_uri={}&state={}",
        encoded(client),
        encoded(SCOPES),
        encoded(&redirect(ctx)),
        encoded(&journey.state(ctx)),
    );
    let connected = signed_in.rules.org.slack.as_ref().map(|workspace| workspace.name.as_str());
    let page = notice(
        "Slack",
        &html! {
            @if let Some(name) = connected {
                p { "The workspace " strong { (foreign(name)) } " is connected. Another one takes its place." }
            } @else {
                p { "Slack asks for the channel in which incidents are announced." }
            }
            p { a.primary href=(address) rel="noreferrer" { "Connect with Slack" } }
        },
    );
    let mut response = page.into_response();
    let cookie = set_cookie(&ctx.public_url, &journey.cookie(ctx), LASTS.as_secs());
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// What Slack brings back.
#[derive(Deserialize)]
struct Brought {
    code: Option<String>,
    state: Option<String>,
}

/// Takes what Slack brings back, and connects the workspace.
async fn back(
    State(desk): State<Arc<Desk>>,
    Query(brought): Query<Brought>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let ctx = &desk.ctx;
    let said = |text: &str| {
        let mut response = message(text).into_response();
        response.headers_mut().insert(header::SET_COOKIE, set_cookie(&ctx.public_url, "", 0));
        response
    };
    let journey = brought.state.as_deref().and_then(|state| Journey::read(ctx, state));
    let Some(journey) = journey.filter(|journey| journey.began_in(ctx, &headers)) else {
        return Ok(refused(said(
            "This is not the browser that began, or it took too long. Please begin anew.",
        )));
    };
    let (Some((id, secret)), Some(api)) = (&ctx.slack.client, &ctx.slack.api) else {
        return Ok(refused(said("This installation has no Slack app yet: its settings name one.")));
    };
    let Some(code) = brought.code.filter(|code| !code.is_empty() && code.len() <= 512) else {
        return Ok(said("Nothing was connected."));
    };
    // Whoever began may have left meanwhile, or lost the right to it.
    let rules = desk.rules.of(journey.org).await?;
    let user = rules.user(journey.user).await.map_err(AppError::from)?;
    let actor = user.map(|user| Actor::person(journey.org, &user));
    let actor = actor.filter(|actor| actor.may(Permission::ConfigureOnCall).is_ok());
    let Some(actor) = actor else {
        return Ok(refused(said("Only an administrator can connect a workspace.")));
    };
    let authorised = match api.authorise((id, secret), &code, &redirect(ctx)).await {
        Ok(authorised) => authorised,
        Err(CallError::Refused(word)) => {
            warn!(reason = word, "slack refused to connect a workspace");
            return Ok(refused(said("Slack refused: the way back was used before, or took too long.")));
        }
        Err(CallError::Later { reason, .. }) => {
            warn!(reason, "slack did not answer while a workspace was being connected");
            return Ok(refused(said("Slack does not answer. Please begin anew in a moment.")));
        }
    };
    match app::slack::connect::connect(&ctx.store, &ctx.seal, &actor, &authorised, &ctx.random, ctx.now())
        .await
    {
        Ok(()) => {
            info!(slack.team = %authorised.team, "connected a workspace");
            Ok(said(&format!("{} is connected. Type /inc in Slack.", authorised.name)))
        }
        Err(AppError::Illegal(_)) => {
            Ok(refused(said("Another organisation has connected this workspace already.")))
        }
        Err(error) => Err(error.into()),
    }
}

/// A page that says no.
fn refused(mut response: Response) -> Response {
    *response.status_mut() = http::StatusCode::FORBIDDEN;
    response
}
