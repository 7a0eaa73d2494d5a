//! Opsgenie's alert API.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, delete, get, post};
use axum::{Json, Router};
use domain::Timestamp;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::ApiError;
use crate::operation::{Operation, Resource};
use crate::receiver::Receiver;
use crate::schema::Time;

/// The prefix of the paths, for senders that are configured with a URL and not only a host.
const PREFIX: &str = "/opsgenie";

/// The operations of the API, with and without the prefix.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Opsgenie's alert API",
    operations: &[
        creates("/opsgenie/v2/alerts"),
        acts("/opsgenie/v2/alerts/{id}/{action}"),
        deletes("/opsgenie/v2/alerts/{id}"),
        looks("/opsgenie/v2/alerts/requests/{id}"),
        creates("/v2/alerts"),
        acts("/v2/alerts/{id}/{action}"),
        deletes("/v2/alerts/{id}"),
        looks("/v2/alerts/requests/{id}"),
    ],
};

/// A reply to a request that was accepted.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OpsgenieAcceptedReply {
    result: &'static str,
    took: f64,
    request_id: String,
}

/// A reply with the status of a request.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OpsgenieProcessedReply {
    data: OpsgenieStatusView,
    took: f64,
    request_id: String,
}

/// The status of a request.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
struct OpsgenieStatusView {
    success: bool,
    is_success: bool,
    status: &'static str,
    processed_at: Time,
}

/// The body of an error.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "OpsgenieError")]
struct OpsgenieErrorBody {
    message: String,
    took: f64,
    request_id: String,
}

/// Describes the operation that creates an alert.
const fn creates(path: &'static str) -> Operation {
    let summary = "Creates an alert as in Opsgenie, for the alert source whose secret is the API key (Firebell extension)";
    accepts(Operation::post(path, summary, MethodRouter::new)).body::<Value>()
}

/// Describes the operations on an alert.
const fn acts(path: &'static str) -> Operation {
    let summary = "Closes or acknowledges an alert as in Opsgenie. Other actions are answered, but have no effect \
                   (Firebell extension)";
    accepts(Operation::post(path, summary, MethodRouter::new)).body::<Value>()
}

/// Describes the operation that deletes an alert.
const fn deletes(path: &'static str) -> Operation {
    accepts(Operation::delete(
        path,
        "Resolves an alert, as deleting it in Opsgenie does (Firebell extension)",
        MethodRouter::new,
    ))
}

/// Describes the operation that shows the status of a request.
const fn looks(path: &'static str) -> Operation {
    let summary = "Shows that a request was processed, as in Opsgenie (Firebell extension)";
    Operation::get(path, summary, MethodRouter::new)
        .needs_a_secret()
        .reply::<OpsgenieProcessedReply>(200)
        .error::<OpsgenieErrorBody>()
}

/// Adds what all operations that accept a request have in common.
const fn accepts(operation: Operation) -> Operation {
    operation.needs_a_secret().reply::<OpsgenieAcceptedReply>(202).error::<OpsgenieErrorBody>()
}

/// Creates the router, with and without the prefix. `/v2/alerts` without the prefix is also a path of Firebell's own
/// API, which has other methods and other paths below it.
pub(crate) fn router() -> Router<Arc<Receiver>> {
    let paths = Router::new()
        .route("/v2/alerts", post(take))
        .route("/v2/alerts/{id}", delete(take))
        .route("/v2/alerts/{id}/{action}", any(take))
        .route("/v2/alerts/requests/{id}", get(processed));
    paths.clone().merge(Router::new().nest(PREFIX, paths))
}

async fn take(State(receiver): State<Arc<Receiver>>, request: Request) -> Response {
    let (began, trace) = (receiver.ctx.now(), receiver.trace_of(&request));
    let path = request.uri().path().to_owned();
    let outcome = receiver.deliver_by_secret(path.trim_start_matches('/'), request, &trace).await;
    let took = took(began, receiver.ctx.now());
    match outcome {
        Ok(accepted) => {
            let result = accepted.message("Request will be processed");
            let body = OpsgenieAcceptedReply { result, took, request_id: request_id(trace.id()) };
            (StatusCode::ACCEPTED, Json(body)).into_response()
        }
        Err(error) => refused(&error, took, trace.id()),
    }
}

/// Shows the status of a request. Every request that was accepted counts as processed.
async fn processed(
    State(receiver): State<Arc<Receiver>>,
    Path(id): Path<String>,
) -> Json<OpsgenieProcessedReply> {
    let at = receiver.ctx.now();
    let data =
        OpsgenieStatusView { success: true, is_success: true, status: "Accepted", processed_at: Time(at) };
    Json(OpsgenieProcessedReply { data, took: took(at, receiver.ctx.now()), request_id: id })
}

/// An error in the format of Opsgenie.
fn refused(error: &ApiError, took: f64, trace: &str) -> Response {
    let (status, message) = match error.status() {
        StatusCode::NOT_FOUND => {
            (StatusCode::UNAUTHORIZED, "no alert source has this API key as its `secret_token`")
        }
        status => (status, error.message()),
    };
    let body = OpsgenieErrorBody { message: message.to_owned(), took, request_id: request_id(trace) };
    let mut response = (status, Json(body)).into_response();
    error.ask_to_wait(response.headers_mut());
    response
}

/// The duration of a request, in seconds.
fn took(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// The id of a request: that of its trace, in the format that clients expect.
fn request_id(trace: &str) -> String {
    let part = |from: usize, to: usize| trace.get(from..to).unwrap_or("0");
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
