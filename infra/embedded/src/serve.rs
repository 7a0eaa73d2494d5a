//! The same wire behind a socket, for any client.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;

use crate::wire::{Answer, Broken, Call, Service, Wire};

/// The largest request DynamoDB takes: 16 MB, of a batch.
const MAX_REQUEST: usize = 16 * 1024 * 1024;

/// Answers on a listener until it fails. Signatures are not looked at: listen where only you can connect.
///
/// # Errors
///
/// Fails if the listener does.
pub async fn serve(listener: tokio::net::TcpListener, wire: Arc<dyn Wire>) -> std::io::Result<()> {
    let router = Router::new()
        .route("/", post(answer))
        .route("/{*path}", post(answer))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(wire);
    axum::serve(listener, router).await
}

async fn answer(State(wire): State<Arc<dyn Wire>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some((service, operation)) = Service::from_target(target) else {
        let answer = Answer::error(400, "UnknownOperationException", "no service answers this x-amz-target");
        return respond(answer);
    };
    match wire.call(Call { service, operation, body: &body }).await {
        Ok(answer) => respond(answer),
        // A client that cannot be cut off gets the nearest thing: an error that says nothing of what was applied.
        Err(Broken::BeforeApplying | Broken::AfterApplying | Broken::Killed) => {
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
    }
}

fn respond(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    if let Some(code) = answer.query_error.and_then(|code| HeaderValue::from_str(&code).ok()) {
        headers.insert("x-amzn-query-error", code);
    }
    response
}
