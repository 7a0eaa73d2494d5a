//! PagerDuty's Events API v2.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use axum::{Json, Router};
use http::StatusCode;
use serde_json::json;

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
        .takes("any")
        .answers(202, "PagerDutyAccepted")
        .refuses("PagerDutyRefusal"),
        Operation::post(
            CHANGES,
            "Takes a change event as PagerDuty does, and keeps nothing of it; this is ours",
            MethodRouter::new,
        )
        .needs_a_secret()
        .takes("any")
        .answers(202, "PagerDutyAccepted")
        .refuses("PagerDutyRefusal"),
    ],
    shapes: &[
        ("PagerDutyAccepted", "{status*: string, message*: string, dedup_key: string}"),
        ("PagerDutyRefusal", "{status*: string, message*: string, errors*: [string]}"),
    ],
};

/// The front door.
pub(crate) fn router() -> Router<Arc<Desk>> {
    Router::new().route(EVENTS, post(event)).route(CHANGES, post(change))
}

async fn event(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let trace = trace_of(&desk, &request);
    match desk.deliver_by_secret("", request, &trace).await {
        Ok(taken) => {
            let message = taken.says("Event processed");
            let body = json!({ "status": "success", "message": message, "dedup_key": taken.key });
            (StatusCode::ACCEPTED, Json(body)).into_response()
        }
        Err(error) => refused(&error),
    }
}

/// A change is nothing that anybody is paged for.
async fn change() -> Response {
    let body = json!({ "status": "success", "message": "Change event processed" });
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
    let body = json!({ "status": "invalid event", "message": "Event was not accepted", "errors": [why] });
    let mut response = (status, Json(body)).into_response();
    error.ask_to_wait(response.headers_mut());
    response
}
