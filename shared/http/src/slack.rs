//! Requests from Slack: slash commands, interactions and events. A request is verified over its raw bytes, read, queued and
//! acknowledged. Everything else happens in `slack-work`.
//!
//! Slack waits for three seconds, cold start included, so that these endpoints call neither the database nor Slack.

use std::sync::Arc;

use app::Context;
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use domain::Timestamp;
use domain::trace::Trace;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::{BodyExt, Limited};
use runtime::Tracing;
use serde::Serialize;
use slack::payload::{self, Heard, Unreadable};
use tracing::{info, warn};

use crate::ApiError;

/// The most bytes of a request.
const MAX_BYTES: usize = 1024 * 1024;

/// Reads the body of a request to one endpoint.
type Read = fn(&[u8], Timestamp) -> Result<Heard, Unreadable>;

/// An endpoint for requests from Slack.
struct SlackEndpoint {
    ctx: Context,
    read: Read,
}

/// The reply to Slack's check of the endpoint.
#[derive(Serialize)]
struct Challenge {
    challenge: String,
}

/// The router of slash commands.
pub fn commands(ctx: Context) -> axum::Router {
    router("/slack/command", payload::command, ctx)
}

/// The router of interactions: buttons and forms.
pub fn interactions(ctx: Context) -> axum::Router {
    router("/slack/interaction", payload::interaction, ctx)
}

/// The router of the Events API.
pub fn events(ctx: Context) -> axum::Router {
    router("/slack/event", payload::event, ctx)
}

fn router(path: &str, read: Read, ctx: Context) -> axum::Router {
    axum::Router::new().route(path, post(receive)).with_state(Arc::new(SlackEndpoint { ctx, read }))
}

async fn receive(State(endpoint): State<Arc<SlackEndpoint>>, request: Request) -> Response {
    let trace = request.extensions().get::<Tracing>().map(|Tracing(trace)| trace.clone());
    let trace = trace.unwrap_or_else(|| Trace::begin(endpoint.ctx.random()));
    let id = trace.id().to_owned();
    match endpoint.receive(request, trace).await {
        Ok(response) => response,
        Err(error) => error.in_request(&id).into_response(),
    }
}

/// The value of a header; `None` if it is absent or not text.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Reads the whole body of a request, if Slack signed it.
///
/// # Errors
/// [`ApiError`] if Slack is not configured, or the signature is missing, old or invalid.
async fn signed(ctx: &Context, request: Request) -> Result<Bytes, ApiError> {
    let Some(secret) = &ctx.slack.signing_secret else {
        return Err(ApiError::not_found("Slack is not configured. Set FIREBELL_SLACK_SIGNING_SECRET"));
    };
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_BYTES).collect().await;
    let body = body.map_err(|_| {
        ApiError::too_large(format!("The request body is too large: at most {MAX_BYTES} bytes are allowed"))
    })?;
    let body = body.to_bytes();
    let (at, signature) =
        (header(&parts.headers, "x-slack-request-timestamp"), header(&parts.headers, "x-slack-signature"));
    slack::verify(secret, at, signature, &body, ctx.now()).map_err(|fault| {
        info!(reason = %fault, "rejected Slack request: invalid signature");
        match fault {
            slack::Unsigned::Missing => ApiError::no_authorization(),
            slack::Unsigned::Late | slack::Unsigned::Wrong => ApiError::wrong_authorization(),
        }
    })?;
    Ok(body)
}

/// The header that tells Slack not to send the request again.
const NO_RETRY: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-slack-no-retry"), HeaderValue::from_static("1"));

impl SlackEndpoint {
    async fn receive(&self, request: Request, trace: Trace) -> Result<Response, ApiError> {
        let body = signed(&self.ctx, request).await?;
        match (self.read)(&body, self.ctx.now()) {
            Ok(Heard::Work(message)) => {
                app::slack::hear(&self.ctx, trace, &message).await.map_err(|error| {
                    warn!(%error, "Slack request could not be queued");
                    ApiError::unavailable()
                })?;
                Ok(StatusCode::OK.into_response())
            }
            Ok(Heard::Challenge(challenge)) => Ok(Json(Challenge { challenge }).into_response()),
            Ok(Heard::Nothing) => Ok(StatusCode::OK.into_response()),
            Err(fault) => {
                let [(name, value)] = [NO_RETRY];
                let mut response =
                    ApiError::bad_request(fault.to_string()).in_request(trace.id()).into_response();
                response.headers_mut().insert(name, value);
                Ok(response)
            }
        }
    }
}
