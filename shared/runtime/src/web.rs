//! The middleware of all requests: trace, span and access log.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use domain::trace::Trace;
use http::HeaderValue;
use tracing::{Instrument, field, info, info_span};

/// The trace of a request. Handlers take it from the request's extensions.
#[derive(Debug, Clone)]
pub struct Tracing(pub Trace);

/// Adds the middleware of all requests to a router.
pub fn observed(router: axum::Router, clock: app::Clock, random: app::Random) -> axum::Router {
    router.layer(from_fn_with_state((clock, random), observe))
}

async fn observe(
    State((clock, random)): State<(app::Clock, app::Random)>,
    mut request: Request,
    next: Next,
) -> Response {
    let (started_at, begun) = (clock(), Instant::now());
    let given = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
    let parent = given.and_then(Trace::parse);
    let trace = match &parent {
        Some(parent) => parent.child(span_id(random())),
        None => Trace::begin(random()),
    };
    let id = trace.id().to_owned();
    let method = request.method().clone();
    // The route is logged instead of the path, because paths can contain tokens.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| "none".to_owned());
    let span = info_span!(
        "request",
        trace.id = id,
        trace.span = trace.span(),
        trace.parent = parent.as_ref().map(Trace::span),
        http.method = %method,
        http.route = route,
        http.status = field::Empty,
    );
    request.extensions_mut().insert(Tracing(trace));
    let mut response = next.run(request).instrument(span.clone()).await;
    span.record("http.status", response.status().as_u16());
    drop(span);
    info!(
        trace.id = id,
        http.method = %method,
        http.route = route,
        http.status = response.status().as_u16(),
        started_at = %started_at,
        duration_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
        "responded to {method} {route}",
    );
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-firebell-trace", value);
    }
    crate::telemetry::flush().await;
    response
}

/// A span id from random bits.
fn span_id(random: u128) -> u64 {
    u64::try_from(random >> 64).unwrap_or(1)
}
