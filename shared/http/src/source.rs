//! The requests of alert sources' senders: deliveries and pings, each kind of source with its own router.

use std::sync::Arc;

use app::Context;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use sources::{Endpoint, Kind};

use crate::compatible_apis;
use crate::operation::{Operation, Resource};
use crate::receiver::Receiver;

/// The path to which Prometheus posts alerts, below the address of its source.
const PROMETHEUS: &str = "/v2/alert_events/prometheus/{id}/api/v2/alerts";

/// The path that jobs ping.
const PING: &str = "/v2/heartbeat/{id}/ping";

/// The operations for senders of alert sources.
pub(crate) const RESOURCE: Resource = Resource {
    name: "Alert events",
    operations: &[
        Operation::post(
            "/v2/alert_events/{kind}/{id}",
            "Accepts a delivery of an alert source in its sender's format, with the secret of the source",
            MethodRouter::new,
        )
        .needs_a_secret()
        .body::<Value>()
        .reply::<AcceptedReply>(202),
        Operation::post(
            PROMETHEUS,
            "Accepts alerts from Prometheus as an Alertmanager does, with the secret of the source (Firebell extension)",
            MethodRouter::new,
        )
        .needs_a_secret()
        .body::<Value>()
        .reply::<AcceptedReply>(202),
        Operation::get(PING, "Records that a job has run, with the secret of its heartbeat", MethodRouter::new)
            .needs_a_secret()
            .empty_reply(204),
        Operation::post(PING, "Records that a job has run, with the secret of its heartbeat", MethodRouter::new)
            .needs_a_secret()
            .empty_reply(204),
    ],
};

/// A reply to a delivery that was accepted.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AcceptedReply {
    /// Always `success`.
    status: &'static str,
    /// A message for people.
    message: &'static str,
    /// The deduplication key of the alert, or of the first one if the delivery holds several events.
    deduplication_key: String,
}

/// Creates the router of one kind of alert source: the address of its sources, and the other paths of its
/// [`Endpoint`].
pub fn router(kind: Kind, ctx: Context) -> axum::Router {
    let source = kind.get();
    let path = source.delivery_path("{id}");
    let router = axum::Router::new().route(&path, post(receive));
    let router = match source.endpoint() {
        Endpoint::Webhook | Endpoint::Email => router,
        Endpoint::WebhookBelow(below) => router.route(&format!("{path}{below}"), post(receive)),
        Endpoint::Heartbeat => router.route(PING, get(ping).post(ping)),
        Endpoint::CompatibleApi(api) => router.merge(compatible_apis::router(api)),
    };
    router.with_state(Arc::new(Receiver::new(kind, ctx)))
}

async fn receive(
    State(receiver): State<Arc<Receiver>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let trace = receiver.trace_of(&request);
    match receiver.deliver_by_id(&id, request, &trace).await {
        Ok(accepted) => {
            let body = AcceptedReply {
                status: "success",
                message: accepted.message("Event accepted for processing"),
                deduplication_key: accepted.key,
            };
            (StatusCode::ACCEPTED, Json(body)).into_response()
        }
        Err(error) => error.in_request(trace.id()).into_response(),
    }
}

async fn ping(State(receiver): State<Arc<Receiver>>, Path(id): Path<String>, request: Request) -> Response {
    let trace = receiver.trace_of(&request);
    match receiver.ping(&id, request, &trace).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => error.in_request(trace.id()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_of_a_kind_is_described() {
        for kind in Kind::ALL {
            let source = kind.get();
            let paths = match source.endpoint() {
                Endpoint::WebhookBelow(below) => vec![format!("{}{below}", source.delivery_path("{id}"))],
                Endpoint::Heartbeat => vec![source.address_path("{id}")],
                Endpoint::Webhook | Endpoint::Email | Endpoint::CompatibleApi(_) => Vec::new(),
            };
            for path in paths {
                let described = RESOURCE.operations.iter().any(|operation| operation.path == path);
                assert!(described, "`{path}` has no operation in `RESOURCE`");
            }
        }
    }
}
