//! The web pages: dashboard, incidents, escalations, alerts, settings, sign-in and the acknowledge link.
//!
//! Every page works without JavaScript. With the script, pages update automatically and have keyboard shortcuts.

mod acknowledge;
mod alerts;
mod api_keys;
mod audit;
mod dashboard;
mod escalation;
mod escalations;
mod form;
mod frame;
mod incident;
mod incidents;
mod layout;
mod list;
mod live;
mod oidc;
mod path_param;
mod people;
mod private;
mod refusal;
mod route;
mod session;
mod settings;
mod sign_in;
mod slack;
mod sources;
mod words;

use std::sync::Arc;

use app::{Context, Rules};
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::{HeaderName, HeaderValue, header};

pub use route::{Access, Route};
pub use sign_in::sign_in_link;

/// The state that all page handlers share.
struct WebState {
    ctx: Context,
    rules: Rules,
}

/// The largest form body that a page accepts, in bytes.
const FORM_BYTES: usize = 16 * 1024;

/// The headers of every response. A handler can set its own value instead.
const HEADERS: [(HeaderName, &str); 9] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    // Paths contain tokens, so other sites must not receive them.
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow, noarchive"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// Lists the routes of the function `web`.
pub fn routes() -> impl Iterator<Item = &'static Route> {
    let all = [
        acknowledge::ROUTES,
        alerts::ROUTES,
        api_keys::ROUTES,
        audit::ROUTES,
        dashboard::ROUTES,
        escalations::ROUTES,
        incident::ROUTES,
        incidents::ROUTES,
        layout::ROUTES,
        oidc::ROUTES,
        people::ROUTES,
        sign_in::ROUTES,
    ];
    all.into_iter().flatten()
}

/// Lists the routes of the function that connects a Slack workspace.
pub fn slack_routes() -> impl Iterator<Item = &'static Route> {
    slack::ROUTES.iter()
}

/// Lists the routes of the function for the alert source pages.
pub fn source_routes() -> impl Iterator<Item = &'static Route> {
    sources::ROUTES.iter()
}

/// Builds the router of the function `web`.
pub fn router(ctx: Context) -> axum::Router {
    finish(route::router(routes()), ctx)
}

/// Builds the router of the pages that connect a Slack workspace. They have a function of their own.
pub fn slack(ctx: Context) -> axum::Router {
    finish(route::router(slack_routes()), ctx)
}

/// Builds the router of the alert source pages. They have a function of their own, the only one with rights to
/// change alert sources.
pub fn alert_sources(ctx: Context) -> axum::Router {
    finish(route::router(source_routes()), ctx)
}

/// Adds the body limit, the security headers and the state to page routes.
fn finish(pages: axum::Router<Arc<WebState>>, ctx: Context) -> axum::Router {
    let rules = Rules::new(ctx.store.clone());
    let state = Arc::new(WebState { ctx, rules });
    pages.layer(DefaultBodyLimit::max(FORM_BYTES)).layer(from_fn(add_headers)).with_state(state)
}

/// Adds the headers that keep a response from being stored, framed, sniffed or indexed.
async fn add_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
