//! Who is signed in, and whether a form is really theirs.
//!
//! A session is a signed cookie: nothing is stored, so it ends by its time or by leaving the person out. Browsers do
//! not tell ports of one host apart when they send cookies, so every form carries a token of its session as well, and
//! must come from our own pages.

use std::sync::Arc;

use app::rules::Snapshot;
use app::seal::Seal;
use axum::extract::{Form, FromRequest, FromRequestParts, Request};
use domain::id::{OrgId, UserId};
use domain::user::User;
use domain::{Actor, Timestamp};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use jiff::SignedDuration;
use maud::{Markup, html};
use serde::Deserialize;

use super::Desk;
use super::refusal::Refusal;

/// How long a session lasts.
const LASTS: SignedDuration = SignedDuration::from_hours(12);

/// What the signature of the cookie is for.
const PURPOSE: &str = "session";
/// What the signature in forms is for.
const FORM_PURPOSE: &str = "form";

/// Somebody's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    /// The organisation.
    pub(super) org: OrgId,
    /// The person.
    pub(super) user: UserId,
    until: Timestamp,
    nonce: String,
}

/// Says whether the browser must keep cookies to encrypted connections: everywhere but at a plain address.
fn is_secure(public_url: &str) -> bool {
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

/// The header that ends a session.
pub(super) fn ended(public_url: &str) -> HeaderValue {
    set_cookie(public_url, "", 0)
}

impl Session {
    /// Begins a session.
    pub(super) fn begin(seal: &Seal, org: OrgId, user: UserId, now: Timestamp) -> Self {
        Self { org, user, until: now + LASTS, nonce: seal.random_token(16) }
    }

    fn text(&self) -> String {
        format!("{}.{}.{}.{}", self.org, self.user, self.until.as_second(), self.nonce)
    }

    /// The header that gives the browser this session.
    pub(super) fn begun(&self, seal: &Seal, public_url: &str) -> HeaderValue {
        let text = self.text();
        let value = format!("{text}.{}", seal.sign(PURPOSE, &text));
        set_cookie(public_url, &value, LASTS.as_secs())
    }

    /// The session that a browser brings, if it is good. Another one planted beside it is passed over.
    fn find(seal: &Seal, headers: &HeaderMap, public_url: &str, now: Timestamp) -> Option<Self> {
        let name = cookie_name(public_url);
        let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        cookies
            .flat_map(|cookies| cookies.split(';'))
            .filter_map(|cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))
            .find_map(|value| Self::read(seal, value, now))
    }

    fn read(seal: &Seal, value: &str, now: Timestamp) -> Option<Self> {
        let (text, signature) = value.rsplit_once('.')?;
        if !seal.is_signed(PURPOSE, text, signature) {
            return None;
        }
        let mut parts = text.split('.');
        let session = Self {
            org: parts.next()?.parse().ok()?,
            user: parts.next()?.parse().ok()?,
            until: Timestamp::from_second(parts.next()?.parse().ok()?).ok()?,
            nonce: parts.next()?.to_owned(),
        };
        (session.until > now).then_some(session)
    }

    /// What a form of this session carries.
    pub(super) fn field(&self, seal: &Seal) -> Markup {
        html! { input type="hidden" name="token" value=(seal.sign(FORM_PURPOSE, &self.text())); }
    }

    /// Says whether a form was made for this session, in constant time.
    fn made(&self, seal: &Seal, token: &str) -> bool {
        seal.is_signed(FORM_PURPOSE, &self.text(), token)
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
        let ctx = &desk.ctx;
        let session = Session::find(&ctx.seal, &parts.headers, &ctx.public_url, ctx.now());
        let session = session.ok_or(Refusal::SignedOut)?;
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
fn is_from_us(headers: &HeaderMap, public_url: &str) -> bool {
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
