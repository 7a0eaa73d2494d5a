//! Slack's requests: verify over the raw bytes, read, queue, answer. Nothing else happens in the request.
//!
//! Slack waits for three seconds, cold start included, so that no door asks the database or Slack for anything.

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
use serde_json::json;
use slack::payload::{self, Heard, Unreadable};
use tracing::{info, warn};

use crate::ApiError;

/// The most that a request of Slack's holds.
const MOST_BYTES: usize = 1024 * 1024;

/// Reads what was sent to one door.
type Read = fn(&[u8], Timestamp) -> Result<Heard, Unreadable>;

/// A door for requests of Slack's.
struct Door {
    ctx: Context,
    read: Read,
}

/// The door of slash commands.
pub fn commands(ctx: Context) -> axum::Router {
    door("/slack/command", payload::command, ctx)
}

/// The door of buttons and forms.
pub fn interactions(ctx: Context) -> axum::Router {
    door("/slack/interaction", payload::interaction, ctx)
}

/// The door of the Events API.
pub fn events(ctx: Context) -> axum::Router {
    door("/slack/event", payload::event, ctx)
}

fn door(path: &str, read: Read, ctx: Context) -> axum::Router {
    axum::Router::new().route(path, post(receive)).with_state(Arc::new(Door { ctx, read }))
}

async fn receive(State(door): State<Arc<Door>>, request: Request) -> Response {
    let trace = request.extensions().get::<Tracing>().map(|Tracing(trace)| trace.clone());
    let trace = trace.unwrap_or_else(|| Trace::begin(door.ctx.random()));
    let id = trace.id().to_owned();
    match door.receive(request, trace).await {
        Ok(response) => response,
        Err(error) => error.in_request(&id).into_response(),
    }
}

/// A header, if it is text.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Reads a whole body that Slack has signed; a handler that takes a request of Slack's takes this.
async fn signed(ctx: &Context, request: Request) -> Result<Bytes, ApiError> {
    let Some(secret) = &ctx.slack.signing_secret else {
        return Err(ApiError::not_found("This installation is not connected with Slack"));
    };
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MOST_BYTES).collect().await;
    let body = body.map_err(|_| ApiError::too_large(format!("A request has at most {MOST_BYTES} bytes")))?;
    let body = body.to_bytes();
    let (at, signature) =
        (header(&parts.headers, "x-slack-request-timestamp"), header(&parts.headers, "x-slack-signature"));
    slack::verify(secret, at, signature, &body, ctx.now()).map_err(|fault| {
        info!(reason = %fault, "a request to slack's doors is not slack's");
        match fault {
            slack::Unsigned::Missing => ApiError::no_authorization(),
            slack::Unsigned::Late | slack::Unsigned::Wrong => ApiError::wrong_authorization(),
        }
    })?;
    Ok(body)
}

/// Tells Slack not to send it again.
const NO_RETRY: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-slack-no-retry"), HeaderValue::from_static("1"));

impl Door {
    async fn receive(&self, request: Request, trace: Trace) -> Result<Response, ApiError> {
        let body = signed(&self.ctx, request).await?;
        match (self.read)(&body, self.ctx.now()) {
            Ok(Heard::Work(message)) => {
                app::slack::hear(&self.ctx, trace, &message).await.map_err(|error| {
                    warn!(%error, "a request of slack's could not be accepted");
                    ApiError::unavailable()
                })?;
                Ok(StatusCode::OK.into_response())
            }
            Ok(Heard::Challenge(challenge)) => Ok(Json(json!({ "challenge": challenge })).into_response()),
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
