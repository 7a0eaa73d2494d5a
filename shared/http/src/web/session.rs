//! Who is signed in, and whether a form is really theirs.
//!
//! A session is a row that the token in the browser's cookie finds, so that it can be ended at once. Browsers do not
//! tell ports of one host apart when they send cookies, so every form carries a token of its session as well, and must
//! come from our own pages.

use std::sync::Arc;

use app::rules::Snapshot;
use app::seal::Seal;
use axum::extract::{Form, FromRequest, FromRequestParts, Request};
use domain::Actor;
use domain::id::{OrgId, UserId};
use domain::session::LASTS;
use domain::user::User;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use maud::{Markup, html};
use serde::Deserialize;

use super::Desk;
use super::refusal::Refusal;

/// What the signature in forms is for.
const FORM_PURPOSE: &str = "form";

/// How many cookies of our name are looked up: others may plant some beside ours.
const MOST_COOKIES: usize = 3;

/// Somebody's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    /// The organisation.
    pub(super) org: OrgId,
    /// The person.
    pub(super) user: UserId,
    /// What finds it.
    token: String,
}

/// Says whether the browser must keep cookies to encrypted connections: everywhere but at a plain address.
pub(super) fn is_secure(public_url: &str) -> bool {
    !public_url.starts_with("http://")
}

/// The name of the cookie; the prefix keeps other hosts of a domain from planting one.
fn cookie_name(public_url: &str) -> &'static str {
    if is_secure(public_url) { "__Host-firebell" } else { "firebell" }
}

/// A cookie's header.
fn set_cookie(public_url: &str, value: &str, seconds: i64) -> HeaderValue {
    let name = cookie_name(public_url);
    let secure = if is_secure(public_url) { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&cookie).expect("ids, numbers and signatures are plain text")
}

/// The header that gives the browser a session.
pub(super) fn begun(public_url: &str, token: &str) -> HeaderValue {
    set_cookie(public_url, token, LASTS.as_secs())
}

/// The header that ends a session.
pub(super) fn ended(public_url: &str) -> HeaderValue {
    set_cookie(public_url, "", 0)
}

/// The values of a cookie that a browser brings; others may be planted beside ours.
pub(super) fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|cookies| cookies.split(';'))
        .filter_map(move |cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The tokens of sessions that a browser brings.
fn tokens<'a>(headers: &'a HeaderMap, public_url: &str) -> impl Iterator<Item = &'a str> {
    let values = cookies(headers, cookie_name(public_url));
    values.filter(|value| value.len() == TOKEN_LENGTH).take(MOST_COOKIES)
}

/// How long a token is: 32 bytes in base64. What is no token costs no read.
const TOKEN_LENGTH: usize = 43;

impl Session {
    /// The session that a browser brings, if it goes on.
    async fn find(desk: &Desk, headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        let ctx = &desk.ctx;
        for token in tokens(headers, &ctx.public_url) {
            if let Some(found) = app::session::find::find(&ctx.store, token, ctx.now()).await? {
                return Ok(Some(Self { org: found.org, user: found.user, token: token.to_owned() }));
            }
        }
        Ok(None)
    }

    /// What finds it.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// What a form of this session carries.
    pub(super) fn field(&self, seal: &Seal) -> Markup {
        html! { input type="hidden" name="token" value=(seal.sign(FORM_PURPOSE, &self.token)); }
    }

    /// Says whether a form was made for this session, in constant time.
    fn made(&self, seal: &Seal, token: &str) -> bool {
        seal.is_signed(FORM_PURPOSE, &self.token, token)
    }
}

/// Somebody who is signed in; a handler that takes this has an organisation, one that does not has none.
pub(super) struct SignedIn {
    /// Their session.
    pub(super) session: Session,
    /// Who it is.
    pub(super) user: Arc<User>,
    /// Their organisation's configuration.
    pub(super) rules: Arc<Snapshot>,
}

impl SignedIn {
    /// The person, with what they may do as their role is now.
    pub(super) fn actor(&self) -> Actor {
        Actor::person(self.session.org, &self.user)
    }
}

impl FromRequestParts<Arc<Desk>> for SignedIn {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, Refusal> {
        let session = Session::find(desk, &parts.headers).await?.ok_or(Refusal::SignedOut)?;
        let rules = desk.rules.of(session.org).await?;
        let user = rules.user(session.user).await.map_err(app::AppError::from)?;
        Ok(Self { user: user.ok_or(Refusal::SignedOut)?, session, rules })
    }
}

/// A form that somebody who is signed in has sent from one of our pages; every handler that changes anything takes one.
pub(super) struct Confirmed(pub(super) SignedIn);

/// What every form carries.
#[derive(Deserialize)]
struct Fields {
    token: String,
}

impl FromRequest<Arc<Desk>> for Confirmed {
    type Rejection = Refusal;

    async fn from_request(request: Request, desk: &Arc<Desk>) -> Result<Self, Refusal> {
        let (mut parts, body) = request.into_parts();
        let signed_in = SignedIn::from_request_parts(&mut parts, desk).await?;
        if !is_from_us(&parts.headers, &desk.ctx.public_url) {
            return Err(Refusal::CrossSite);
        }
        let form = Form::<Fields>::from_request(Request::from_parts(parts, body), desk).await;
        let Form(fields) = form.map_err(|_| Refusal::CrossSite)?;
        if !signed_in.session.made(&desk.ctx.seal, &fields.token) {
            return Err(Refusal::CrossSite);
        }
        Ok(Self(signed_in))
    }
}

/// Says whether a form comes from our own pages, as far as the browser tells.
///
/// Every browser tells one of the two at least; what tells neither is none, and has only the token to show.
pub(super) fn is_from_us(headers: &HeaderMap, public_url: &str) -> bool {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    let Some(origin) = text(header::ORIGIN) else { return true };
    let authority = |url| str::split_once(url, "://").map(|(_, rest)| rest);
    let ours = authority(public_url).map(|rest| rest.split('/').next().unwrap_or(rest));
    let asked = text(header::HOST);
    authority(origin).is_some_and(|origin| Some(origin) == asked || Some(origin) == ours)
}
