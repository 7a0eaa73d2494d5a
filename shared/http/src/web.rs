//! Pages for people: the acknowledge link, sign-in, what is open, incidents, escalations and alerts. They work without
//! any script; with it they look again by themselves, and listen to keys.

mod acknowledge;
mod alerts;
mod api_keys;
mod audit;
mod dashboard;
mod escalation;
mod escalations;
mod frame;
mod incident;
mod incidents;
mod layout;
mod list;
mod live;
mod oidc;
mod people;
mod private;
mod refusal;
mod route;
mod session;
mod settings;
mod sign_in;
mod slack;
mod sources;
mod submitted;
mod words;

use std::sync::Arc;

use app::{Context, Rules};
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::{HeaderName, HeaderValue, header};

pub use route::{Access, Route};
pub use sign_in::sign_in_link;

/// What the pages are made from.
struct Desk {
    ctx: Context,
    rules: Rules,
}

/// The most that a form may hold.
const FORM_BYTES: usize = 16 * 1024;

/// What every answer carries, unless it says otherwise itself.
const HEADERS: [(HeaderName, &str); 9] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    // Paths hold tokens: no other site hears them.
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow, noarchive"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// Every route of the function `web`.
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

/// Every route of the function that connects a workspace of Slack.
pub fn slack_routes() -> impl Iterator<Item = &'static Route> {
    slack::ROUTES.iter()
}

/// Every route of the function of alert sources' pages.
pub fn source_routes() -> impl Iterator<Item = &'static Route> {
    sources::ROUTES.iter()
}

/// The router of every page.
pub fn router(ctx: Context) -> axum::Router {
    served(route::router(routes()), ctx)
}

/// The router of the pages that connect a workspace of Slack, which have a function of their own.
pub fn slack(ctx: Context) -> axum::Router {
    served(route::router(slack_routes()), ctx)
}

/// The router of the pages of alert sources, which have a function of their own: it alone may change them.
pub fn alert_sources(ctx: Context) -> axum::Router {
    served(route::router(source_routes()), ctx)
}

/// Pages with what all of them have around them.
fn served(pages: axum::Router<Arc<Desk>>, ctx: Context) -> axum::Router {
    let rules = Rules::new(ctx.store.clone());
    let desk = Arc::new(Desk { ctx, rules });
    pages.layer(DefaultBodyLimit::max(FORM_BYTES)).layer(from_fn(guarded)).with_state(desk)
}

/// Adds the headers that keep an answer from being stored, framed, sniffed or indexed.
async fn guarded(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
