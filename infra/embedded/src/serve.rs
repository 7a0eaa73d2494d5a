//! Serves a backend over HTTP, for any AWS client.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;

use crate::call::{AwsBackend, AwsCall, AwsResponse, CallError, Service};

/// The largest request that DynamoDB accepts: a batch of 16 MB.
const MAX_REQUEST: usize = 16 * 1024 * 1024;

/// Serves until the listener fails. Signatures are not checked: listen on an address that only you can reach.
///
/// # Errors
///
/// Fails if the listener does.
pub async fn serve(listener: tokio::net::TcpListener, backend: Arc<dyn AwsBackend>) -> std::io::Result<()> {
    let router = Router::new()
        .route("/", post(answer))
        .route("/{*path}", post(answer))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(backend);
    axum::serve(listener, router).await
}

async fn answer(State(backend): State<Arc<dyn AwsBackend>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some((service, operation)) = Service::from_target(target) else {
        let answer =
            AwsResponse::error(400, "UnknownOperationException", "no service answers this x-amz-target");
        return respond(answer);
    };
    match backend.call(AwsCall { service, operation, body: &body }).await {
        Ok(answer) => respond(answer),
        // A socket cannot show these errors. This status does not say whether the request was applied either.
        Err(CallError::BeforeApplying | CallError::AfterApplying | CallError::Killed) => {
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
    }
}

fn respond(answer: AwsResponse) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    if let Some(code) = answer.query_error.and_then(|code| HeaderValue::from_str(&code).ok()) {
        headers.insert("x-amzn-query-error", code);
    }
    response
}
