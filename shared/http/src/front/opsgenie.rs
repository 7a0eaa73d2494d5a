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
use crate::schema::Time;
use crate::source::{Desk, trace_of};

/// What stands before the path where a sender takes more than a host.
const PREFIX: &str = "/opsgenie";

/// What can be done with it: all of it with and without the prefix.
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

/// Makes an alert.
const fn creates(path: &'static str) -> Operation {
    let summary =
        "Takes an alert as Opsgenie does, for the alert source whose secret is the key; this is ours";
    accepts(Operation::post(path, summary, MethodRouter::new)).body::<Value>()
}

/// Ends or acknowledges an alert.
const fn acts(path: &'static str) -> Operation {
    let summary = "Closes or acknowledges an alert as Opsgenie does; every other action is answered, and nothing is \
                   done; this is ours";
    accepts(Operation::post(path, summary, MethodRouter::new)).body::<Value>()
}

/// Ends an alert.
const fn deletes(path: &'static str) -> Operation {
    accepts(Operation::delete(
        path,
        "Ends an alert, as deleting it at Opsgenie does; this is ours",
        MethodRouter::new,
    ))
}

/// Tells of a request.
const fn looks(path: &'static str) -> Operation {
    let summary = "Says of a request that it was processed, as Opsgenie does; this is ours";
    Operation::get(path, summary, MethodRouter::new)
        .needs_a_secret()
        .reply::<OpsgenieProcessedReply>(200)
        .error::<OpsgenieErrorBody>()
}

/// What all that is accepted has in common.
const fn accepts(operation: Operation) -> Operation {
    operation.needs_a_secret().reply::<OpsgenieAcceptedReply>(202).error::<OpsgenieErrorBody>()
}

/// The front door, with and without the prefix; what is under a name of its own, `/v2/alerts`, is also that of our own
/// API, which has other methods and other paths there.
pub(crate) fn router() -> Router<Arc<Desk>> {
    let paths = Router::new()
        .route("/v2/alerts", post(take))
        .route("/v2/alerts/{id}", delete(take))
        .route("/v2/alerts/{id}/{action}", any(take))
        .route("/v2/alerts/requests/{id}", get(processed));
    paths.clone().merge(Router::new().nest(PREFIX, paths))
}

async fn take(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let (began, trace) = (desk.ctx.now(), trace_of(&desk, &request));
    let path = request.uri().path().to_owned();
    let taken = desk.deliver_by_secret(path.trim_start_matches('/'), request, &trace).await;
    let took = took(began, desk.ctx.now());
    match taken {
        Ok(taken) => {
            let body = OpsgenieAcceptedReply {
                result: taken.says("Request will be processed"),
                took,
                request_id: request_id(trace.id()),
            };
            (StatusCode::ACCEPTED, Json(body)).into_response()
        }
        Err(error) => refused(&error, took, trace.id()),
    }
}

/// Whatever was accepted is as good as processed.
async fn processed(State(desk): State<Arc<Desk>>, Path(id): Path<String>) -> Json<OpsgenieProcessedReply> {
    let at = desk.ctx.now();
    let data =
        OpsgenieStatusView { success: true, is_success: true, status: "Accepted", processed_at: Time(at) };
    Json(OpsgenieProcessedReply { data, took: took(at, desk.ctx.now()), request_id: id })
}

/// A refusal in Opsgenie's words.
fn refused(error: &ApiError, took: f64, trace: &str) -> Response {
    let (status, message) = match error.status() {
        StatusCode::NOT_FOUND => {
            (StatusCode::UNAUTHORIZED, "no alert source has this key as its `secret_token`")
        }
        status => (status, error.message()),
    };
    let body = OpsgenieErrorBody { message: message.to_owned(), took, request_id: request_id(trace) };
    let mut response = (status, Json(body)).into_response();
    error.ask_to_wait(response.headers_mut());
    response
}

/// How long something took, in seconds.
fn took(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// The id of a request: that of its trace, written as clients expect an id to be.
fn request_id(trace: &str) -> String {
    let part = |from: usize, to: usize| trace.get(from..to).unwrap_or("0");
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
