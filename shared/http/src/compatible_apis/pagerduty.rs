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
use crate::receiver::Receiver;

/// The path for events.
const EVENTS: &str = "/v2/enqueue";

/// The path for change events.
const CHANGES: &str = "/v2/change/enqueue";

/// The operations of the API.
pub(crate) const RESOURCE: Resource = Resource {
    name: "PagerDuty's Events API",
    operations: &[
        Operation::post(
            EVENTS,
            "Accepts an event as PagerDuty does, for the alert source whose secret is the routing key (Firebell extension)",
            MethodRouter::new,
        )
        .needs_a_secret()
        .body::<Value>()
        .reply::<PagerDutyAcceptedReply>(202)
        .error::<PagerDutyErrorBody>(),
        Operation::post(
            CHANGES,
            "Accepts a change event as PagerDuty does, but stores nothing (Firebell extension)",
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

/// Creates the router.
pub(crate) fn router() -> Router<Arc<Receiver>> {
    Router::new().route(EVENTS, post(event)).route(CHANGES, post(change))
}

async fn event(State(receiver): State<Arc<Receiver>>, request: Request) -> Response {
    let trace = receiver.trace_of(&request);
    match receiver.deliver_by_secret("", request, &trace).await {
        Ok(accepted) => {
            let message = accepted.message("Event processed");
            let body = PagerDutyAcceptedReply { status: "success", message, dedup_key: Some(accepted.key) };
            (StatusCode::ACCEPTED, Json(body)).into_response()
        }
        Err(error) => refused(&error),
    }
}

/// Accepts a change event. Change events page nobody, so they are not stored.
async fn change() -> Response {
    let message = "Change event processed";
    let body = PagerDutyAcceptedReply { status: "success", message, dedup_key: None };
    (StatusCode::ACCEPTED, Json(body)).into_response()
}

/// An error in the format of PagerDuty, for which an invalid routing key is an invalid event.
fn refused(error: &ApiError) -> Response {
    let (status, why) = match error.status() {
        StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND => {
            (StatusCode::BAD_REQUEST, "no alert source has this `routing_key` as its `secret_token`")
        }
        status => (status, error.message()),
    };
    let body = PagerDutyErrorBody {
        status: "invalid event",
        message: "Event was not accepted",
        errors: vec![why.to_owned()],
    };
    let mut response = (status, Json(body)).into_response();
    error.ask_to_wait(response.headers_mut());
    response
}
