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
        .takes("any")
        .answers(202, "PagerDutyAccepted")
        .refuses("PagerDutyRefusal"),
        Operation::post(
            CHANGES,
            "Accepts a change event as PagerDuty does, but stores nothing (Firebell extension)",
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

/// Creates the router.
pub(crate) fn router() -> Router<Arc<Receiver>> {
    Router::new().route(EVENTS, post(event)).route(CHANGES, post(change))
}

async fn event(State(receiver): State<Arc<Receiver>>, request: Request) -> Response {
    let trace = receiver.trace_of(&request);
    match receiver.deliver_by_secret("", request, &trace).await {
        Ok(accepted) => {
            let message = accepted.message("Event processed");
            let body = json!({ "status": "success", "message": message, "dedup_key": accepted.key });
            (StatusCode::ACCEPTED, Json(body)).into_response()
        }
        Err(error) => refused(&error),
    }
}

/// Accepts a change event. Change events page nobody, so they are not stored.
async fn change() -> Response {
    let body = json!({ "status": "success", "message": "Change event processed" });
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
    let body = json!({ "status": "invalid event", "message": "Event was not accepted", "errors": [why] });
    let mut response = (status, Json(body)).into_response();
    error.ask_to_wait(response.headers_mut());
    response
}
