//! What every resource of the API stands on: who asks, how often, and one shape for every refusal.

use std::str::FromStr;
use std::sync::Arc;

use app::Context;
use axum::extract::{FromRequest, FromRequestParts, Path, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use domain::text::Document;
use domain::trace::Trace;
use http::HeaderMap;
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use runtime::Tracing;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::ApiError;
use crate::auth::{Caller, Keys};
use crate::rate::{Allowance, REQUESTS, Rate};

/// What the handlers of one function share.
pub(crate) struct Desk {
    /// What the function is built from.
    pub(crate) ctx: Context,
    /// The keys that it knows.
    keys: Keys,
    /// What the keys have left.
    pub(crate) rate: Rate,
}

/// What handlers take as their state.
pub(crate) type Shared = State<Arc<Desk>>;

/// What handlers return.
pub(crate) type Answer<T = Response> = Result<T, ApiError>;

/// Puts routes behind the guard: nobody passes without a key, and every refusal names its request.
pub(crate) fn guarded(routes: axum::Router<Arc<Desk>>, ctx: Context) -> axum::Router {
    let desk = Arc::new(Desk { ctx, keys: Keys::default(), rate: Rate::default() });
    routes
        .method_not_allowed_fallback(async || ApiError::wrong_method())
        .layer(from_fn_with_state(desk.clone(), guard))
        .with_state(desk)
}

/// Answers what no route answers.
pub(crate) async fn unknown_path(State(ctx): State<Context>, request: Request) -> Response {
    let path = domain::text::shorten(request.uri().path(), 200);
    ApiError::not_found(format!("There is nothing at `{path}`"))
        .in_request(trace_of(&request, &ctx).id())
        .into_response()
}

/// The trace of a request.
fn trace_of(request: &Request, ctx: &Context) -> Trace {
    let trace = request.extensions().get::<Tracing>().map(|Tracing(trace)| trace.clone());
    trace.unwrap_or_else(|| Trace::begin(ctx.random()))
}

async fn guard(State(desk): Shared, mut request: Request, next: Next) -> Response {
    let trace = trace_of(&request, &desk.ctx);
    let (mut response, allowance) = match admit(&desk, request.headers()).await {
        Ok((caller, allowance)) => {
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(Tracing(trace.clone()));
            (next.run(request).await, Some(allowance))
        }
        Err(error) => (error.into_response(), None),
    };
    if let Some(refusal) = response.extensions_mut().remove::<ApiError>() {
        response = refusal.in_request(trace.id()).into_response();
    }
    // A handler with a limit of its own tells of that one.
    let own = response.extensions().get::<Allowance>().copied();
    if let Some(allowance) = own.or(allowance) {
        allowance.write(response.headers_mut());
    }
    response
}

/// Finds out who asks, and whether they may ask again already.
async fn admit(desk: &Desk, headers: &HeaderMap) -> Result<(Caller, Allowance), ApiError> {
    let caller = desk.keys.caller(&desk.ctx, headers).await?;
    let allowance = desk
        .rate
        .take(&REQUESTS, caller.key.id, desk.ctx.now())
        .map_err(|empty| ApiError::too_many(&caller.key.name, empty, desk.ctx.now()))?;
    Ok((caller, allowance))
}

/// The id in a path; what is no id is not there.
pub(crate) struct Id<T>(pub(crate) T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = text.map_err(|_| ApiError::not_found("There is nothing of this id"))?;
        let missing = |_| ApiError::not_found(format!("There is nothing of the id `{}`", clip(&text)));
        text.parse().map(Self).map_err(missing)
    }
}

/// A text from a request, short enough to be said back.
pub(crate) fn clip(text: &str) -> String {
    domain::text::shorten(text, 100)
}

/// The trace of a request, for what it causes.
pub(crate) struct InTrace(pub(crate) Trace);

impl FromRequestParts<Arc<Desk>> for InTrace {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, ApiError> {
        let trace = parts.extensions.get::<Tracing>().map(|Tracing(trace)| trace.clone());
        Ok(Self(trace.unwrap_or_else(|| Trace::begin(desk.ctx.random()))))
    }
}

/// The bytes of a request's body.
const MOST_BYTES: usize = 1024 * 1024;

/// The bytes of what is kept to be echoed: it shares an item of 400 KB with what was made of it.
const MOST_KEPT: usize = 180 * 1024;

/// A body: what was understood of it, and the whole of it.
pub(crate) struct Sent<T> {
    /// What was understood.
    pub(crate) body: T,
    /// All that was sent.
    pub(crate) document: Value,
}

impl<T> Sent<T> {
    /// What was sent, to be kept with what it configures, but for the fields that we show ourselves.
    ///
    /// # Errors
    /// [`ApiError`] if all of it is too much to be kept.
    pub(crate) fn kept(mut document: Value, own: &[&str]) -> Result<Document, ApiError> {
        if document.to_string().len() > MOST_KEPT {
            return Err(ApiError::too_large(format!("A configuration has at most {MOST_KEPT} bytes")));
        }
        if let Value::Object(fields) = &mut document {
            fields.retain(|name, _| !own.contains(&name.as_str()));
        }
        Ok(Document(document))
    }
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Sent<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let bytes = match Limited::new(request.into_body(), MOST_BYTES).collect().await {
            Ok(whole) => whole.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Err(ApiError::too_large(format!("A request's body has at most {MOST_BYTES} bytes")));
            }
            Err(_) => return Err(ApiError::bad_request("The body ended before it was whole")),
        };
        let document: Value = serde_json::from_slice(&bytes)
            .map_err(|error| ApiError::bad_request(format!("The body is not JSON: {error}")))?;
        if !document.is_object() {
            return Err(ApiError::bad_request("The body is not a JSON object"));
        }
        let body = understood(&document)?;
        Ok(Self { body, document })
    }
}

/// What is understood of a document.
///
/// # Errors
/// [`ApiError`] naming the field that does not fit.
pub(crate) fn understood<T: DeserializeOwned>(document: &Value) -> Answer<T> {
    serde_path_to_error::deserialize(document).map_err(|error| misfit(&error))
}

/// What does not fit, by the field's path; a missing field is named, not what it is missing from.
fn misfit(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let (path, reason) = (error.path().to_string(), error.inner().to_string());
    let at = path.replace('[', ".").replace(']', "");
    let missing = reason.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match (missing, &*at) {
        (Some(field), ".") => ApiError::required(field),
        (Some(field), at) => ApiError::required(&format!("{at}.{field}")),
        (None, at) => ApiError::invalid(at, reason),
    }
}
