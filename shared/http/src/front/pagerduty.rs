//! PagerDuty's Events API v2.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use axum::{Json, Router};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::ApiError;
use crate::operation::{Operation, Resource};
use crate::source::{Desk, trace_of};

/// Where events are sent.
const EVENTS: &str = "/v2/enqueue";

/// Where changes are sent.
const CHANGES: &str = "/v2/change/enqueue";

/// What can be done with it.
pub(crate) const RESOURCE: Resource = Resource {
    name: "PagerDuty's Events API",
    operations: &[
        Operation::post(
            EVENTS,
            "Takes an event as PagerDuty does, for the alert source whose secret is the routing key; this is ours",
            MethodRouter::new,
        )
        .needs_a_secret()
        .body::<Value>()
        .reply::<PagerDutyAcceptedReply>(202)
        .error::<PagerDutyErrorBody>(),
        Operation::post(
            CHANGES,
            "Takes a change event as PagerDuty does, and keeps nothing of it; this is ours",
            MethodRouter::new,
        )
        .needs_a_secret()
        .body::<Value>()
        .reply::<PagerDutyAcceptedReply>(202)
        .error::<PagerDutyErrorBody>(),
    ],
};

/// A reply to an event that was accepted.
#[derive(Serialize, JsonSchema)]
struct PagerDutyAcceptedReply {
    status: &'static str,
    message: &'static str,
    /// The deduplication key. Absent for a change event.
    #[serde(skip_serializing_if = "Option::is_none")]
    dedup_key: Option<String>,
}

/// The body of an error.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PagerDutyError")]
struct PagerDutyErrorBody {
    status: &'static str,
    message: &'static str,
    errors: Vec<String>,
}

/// The front door.
pub(crate) fn router() -> Router<Arc<Desk>> {
    Router::new().route(EVENTS, post(event)).route(CHANGES, post(change))
}

async fn event(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let trace = trace_of(&desk, &request);
    match desk.deliver_by_secret("", request, &trace).await {
        Ok(taken) => {
            let message = taken.says("Event processed");
            let body = PagerDutyAcceptedReply { status: "success", message, dedup_key: Some(taken.key) };
            (StatusCode::ACCEPTED, Json(body)).into_response()
        }
        Err(error) => refused(&error),
    }
}

/// A change is nothing that anybody is paged for.
async fn change() -> Response {
    let message = "Change event processed";
    let body = PagerDutyAcceptedReply { status: "success", message, dedup_key: None };
    (StatusCode::ACCEPTED, Json(body)).into_response()
}

/// A refusal in PagerDuty's words: what is wrong with a routing key is wrong with the event.
fn refused(error: &ApiError) -> Response {
    let (status, why) = match error.status() {
        StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND => {
            (StatusCode::BAD_REQUEST, "no alert source has this `routing_key` as its `secret_token`")
        }
        status => (status, error.message()),
    };
    let (status_name, message) = ("invalid event", "Event was not accepted");
    let body = PagerDutyErrorBody { status: status_name, message, errors: vec![why.to_owned()] };
    let mut response = (status, Json(body)).into_response();
    error.ask_to_wait(response.headers_mut());
    response
}
