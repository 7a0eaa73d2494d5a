//! Sessions: who is signed in, and whether they sent a form themselves.
//!
//! A session is a stored row that is found by the token in the cookie, so it can be ended immediately. Browsers send
//! cookies to every port of a host. Every form therefore contains a token of its session too, and must come from one
//! of our own pages.

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

use super::WebState;
use super::refusal::Refusal;

/// The purpose of the signature in forms.
const FORM_PURPOSE: &str = "form";

/// How many cookies of our name are looked up. Other sites of the same domain may set cookies with this name.
const MOST_COOKIES: usize = 3;

/// The session of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    /// The organisation.
    pub(super) org: OrgId,
    /// The person.
    pub(super) user: UserId,
    /// The token in the cookie.
    token: String,
}

/// Returns whether browsers must send cookies over encrypted connections only. Only a plain HTTP address allows others.
pub(super) fn is_secure(public_url: &str) -> bool {
    !public_url.starts_with("http://")
}

/// The name of the cookie. The prefix prevents other hosts of the domain from setting it.
fn cookie_name(public_url: &str) -> &'static str {
    if is_secure(public_url) { "__Host-firebell" } else { "firebell" }
}

/// The `Set-Cookie` header of a session.
fn set_cookie(public_url: &str, value: &str, seconds: i64) -> HeaderValue {
    let name = cookie_name(public_url);
    let secure = if is_secure(public_url) { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&cookie).expect("ids, numbers and signatures are plain text")
}

/// The header that starts a session in the browser.
pub(super) fn start_cookie(public_url: &str, token: &str) -> HeaderValue {
    set_cookie(public_url, token, LASTS.as_secs())
}

/// The header that ends the session in the browser.
pub(super) fn end_cookie(public_url: &str) -> HeaderValue {
    set_cookie(public_url, "", 0)
}

/// The values of all cookies of a name in a request.
pub(super) fn cookies<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|cookies| cookies.split(';'))
        .filter_map(move |cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The session tokens in a request.
fn tokens<'a>(headers: &'a HeaderMap, public_url: &str) -> impl Iterator<Item = &'a str> {
    let values = cookies(headers, cookie_name(public_url));
    values.filter(|value| value.len() == TOKEN_LENGTH).take(MOST_COOKIES)
}

/// The length of a token: 32 bytes in base64. Other values are ignored without a read of the store.
const TOKEN_LENGTH: usize = 43;

impl Session {
    /// Finds the session of a request. `None` if no session is found or it has ended.
    async fn find(web: &WebState, headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        let ctx = &web.ctx;
        for token in tokens(headers, &ctx.public_url) {
            if let Some(found) = app::session::find::find(&ctx.store, token, ctx.now()).await? {
                return Ok(Some(Self { org: found.org, user: found.user, token: token.to_owned() }));
            }
        }
        Ok(None)
    }

    /// The token in the cookie.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// The hidden field that every form of this session must have.
    pub(super) fn token_field(&self, seal: &Seal) -> Markup {
        html! { input type="hidden" name="token" value=(seal.sign(FORM_PURPOSE, &self.token)); }
    }

    /// Returns whether a form was made for this session, in constant time.
    fn is_token_of_form(&self, seal: &Seal, token: &str) -> bool {
        seal.is_signed(FORM_PURPOSE, &self.token, token)
    }
}

/// A signed-in person. A handler can get an organisation only by taking this value.
pub(super) struct SignedIn {
    /// The session.
    pub(super) session: Session,
    /// The person.
    pub(super) user: Arc<User>,
    /// The configuration of the organisation.
    pub(super) rules: Arc<Snapshot>,
}

impl SignedIn {
    /// The person with the permissions of their current role.
    pub(super) fn actor(&self) -> Actor {
        Actor::person(self.session.org, &self.user)
    }
}

impl FromRequestParts<Arc<WebState>> for SignedIn {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, web: &Arc<WebState>) -> Result<Self, Refusal> {
        let session = Session::find(web, &parts.headers).await?.ok_or(Refusal::SignedOut)?;
        let rules = web.rules.of(session.org).await?;
        let user = rules.user(session.user).await.map_err(app::AppError::from)?;
        Ok(Self { user: user.ok_or(Refusal::SignedOut)?, session, rules })
    }
}

/// Proof that a signed-in person has sent a form from one of our pages. Every handler that changes anything takes one.
pub(super) struct Confirmed(pub(super) SignedIn);

/// The field that every form has.
#[derive(Deserialize)]
struct TokenField {
    token: String,
}

impl FromRequest<Arc<WebState>> for Confirmed {
    type Rejection = Refusal;

    async fn from_request(request: Request, web: &Arc<WebState>) -> Result<Self, Refusal> {
        let (mut parts, body) = request.into_parts();
        let signed_in = SignedIn::from_request_parts(&mut parts, web).await?;
        if !is_same_origin(&parts.headers, &web.ctx.public_url) {
            return Err(Refusal::InvalidForm);
        }
        let form = Form::<TokenField>::from_request(Request::from_parts(parts, body), web).await;
        let Form(TokenField { token }) = form.map_err(|_| Refusal::InvalidForm)?;
        if !signed_in.session.is_token_of_form(&web.ctx.seal, &token) {
            return Err(Refusal::InvalidForm);
        }
        Ok(Self(signed_in))
    }
}

/// Returns whether a form comes from our own pages, according to its headers.
///
/// Every browser sends `Sec-Fetch-Site` or `Origin`. A client that sends neither is not a browser, and only its token
/// counts.
pub(super) fn is_same_origin(headers: &HeaderMap, public_url: &str) -> bool {
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
