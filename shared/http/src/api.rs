//! What all resources of the API share: the state, the check of the API key and its rate limit, ids and bodies.

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
use crate::auth::{Caller, KeyCache};
use crate::rate::{Allowance, REQUESTS, Rate};
use crate::schema::Id;

/// The state that the handlers of one function share.
pub(crate) struct ApiState {
    /// The function's context: store, queues, clock, settings.
    pub(crate) ctx: Context,
    /// The API keys that were looked up recently.
    keys: KeyCache,
    /// The rate limit of each API key.
    pub(crate) rate: Rate,
}

/// The extractor of the state.
pub(crate) type SharedState = State<Arc<ApiState>>;

/// The result of a handler.
pub(crate) type ApiResult<T = Response> = Result<T, ApiError>;

/// Adds the check of the API key and of its rate limit to routes. Every error that they return names its request.
pub(crate) fn guarded(routes: axum::Router<Arc<ApiState>>, ctx: Context) -> axum::Router {
    let api = Arc::new(ApiState { ctx, keys: KeyCache::default(), rate: Rate::default() });
    routes
        .method_not_allowed_fallback(async || ApiError::wrong_method())
        .layer(from_fn_with_state(api.clone(), guard))
        .with_state(api)
}

/// Returns the error of a path that does not exist.
pub(crate) async fn unknown_path(State(ctx): State<Context>, request: Request) -> Response {
    let path = domain::text::shorten(request.uri().path(), 200);
    ApiError::not_found(format!(
        "The path `{path}` does not exist. See /v1/openapiV3.json for the paths that do"
    ))
    .in_request(trace_of(&request, &ctx).id())
    .into_response()
}

/// The trace of a request.
fn trace_of(request: &Request, ctx: &Context) -> Trace {
    let trace = request.extensions().get::<Tracing>().map(|Tracing(trace)| trace.clone());
    trace.unwrap_or_else(|| Trace::begin(ctx.random()))
}

async fn guard(State(api): SharedState, mut request: Request, next: Next) -> Response {
    let trace = trace_of(&request, &api.ctx);
    let (mut response, allowance) = match admit(&api, request.headers()).await {
        Ok((caller, allowance)) => {
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(Tracing(trace.clone()));
            (next.run(request).await, Some(allowance))
        }
        Err(error) => (error.into_response(), None),
    };
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        response = error.in_request(trace.id()).into_response();
    }
    // If the handler has a rate limit of its own, the headers show that one.
    let own = response.extensions().get::<Allowance>().copied();
    if let Some(allowance) = own.or(allowance) {
        allowance.write(response.headers_mut());
    }
    response
}

/// Finds the caller of a request and counts the request against the caller's rate limit.
async fn admit(api: &ApiState, headers: &HeaderMap) -> ApiResult<(Caller, Allowance)> {
    let caller = api.keys.caller(&api.ctx, headers).await?;
    let allowance = api
        .rate
        .take(&REQUESTS, caller.key.id, api.ctx.now())
        .map_err(|empty| ApiError::too_many(&caller.key.name, empty, api.ctx.now()))?;
    Ok((caller, allowance))
}

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = text.map_err(|_| ApiError::not_found("The path does not hold an id"))?;
        let invalid = |_| ApiError::not_found(format!("There is no object with the id `{}`", clip(&text)));
        text.parse().map(Self).map_err(invalid)
    }
}

/// A text from a request, short enough to be quoted in an error.
pub(crate) fn clip(text: &str) -> String {
    domain::text::shorten(text, 100)
}

/// An optional id in a body or a query. An empty text counts as absent.
///
/// # Errors
/// [`ApiError`] that names `field` if the text is not an id.
pub(crate) fn optional_id<T: FromStr>(kind: &str, field: &str, text: Option<String>) -> ApiResult<Option<T>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let unknown = |_| ApiError::invalid(field, format!("There is no {kind} with the id `{}`", clip(&text)));
    text.parse().map(Some).map_err(unknown)
}

/// A required id in a body or a query.
///
/// # Errors
/// [`ApiError`] that names `field` if the text is empty or not an id.
pub(crate) fn required_id<T: FromStr>(kind: &str, field: &str, text: Option<String>) -> ApiResult<T> {
    optional_id(kind, field, text)?.ok_or_else(|| ApiError::required(field))
}

/// The trace of a request, which is passed on to everything that the request causes.
pub(crate) struct RequestTrace(pub(crate) Trace);

impl FromRequestParts<Arc<ApiState>> for RequestTrace {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<ApiState>) -> ApiResult<Self> {
        let trace = parts.extensions.get::<Tracing>().map(|Tracing(trace)| trace.clone());
        Ok(Self(trace.unwrap_or_else(|| Trace::begin(api.ctx.random()))))
    }
}

/// The most bytes of a request body.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The most bytes of a body that is stored as it was sent: it shares an item of 400 KB with what is made from it.
const MAX_STORED_BYTES: usize = 180 * 1024;

/// A JSON body: its typed fields, and the whole document.
pub(crate) struct JsonBody<T> {
    /// The fields that Firebell knows.
    pub(crate) body: T,
    /// The document as it was sent.
    pub(crate) document: Value,
}

/// The document that is stored with a configuration and shown again, without the fields that Firebell shows itself.
///
/// # Errors
/// [`ApiError`] if the document is too large to be stored.
pub(crate) fn stored_document(mut document: Value, own: &[&str]) -> ApiResult<Document> {
    if document.to_string().len() > MAX_STORED_BYTES {
        return Err(ApiError::too_large(format!(
            "The configuration is too large: at most {MAX_STORED_BYTES} bytes are allowed"
        )));
    }
    if let Value::Object(fields) = &mut document {
        fields.retain(|name, _| !own.contains(&name.as_str()));
    }
    Ok(Document(document))
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> ApiResult<Self> {
        let bytes = match Limited::new(request.into_body(), MAX_BODY_BYTES).collect().await {
            Ok(whole) => whole.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Err(ApiError::too_large(format!(
                    "The request body is too large: at most {MAX_BODY_BYTES} bytes are allowed"
                )));
            }
            Err(_) => {
                return Err(ApiError::bad_request("The request body is incomplete. Please send it again"));
            }
        };
        let document: Value = serde_json::from_slice(&bytes)
            .map_err(|error| ApiError::bad_request(format!("The request body is not valid JSON: {error}")))?;
        if !document.is_object() {
            return Err(ApiError::bad_request("The request body is not a JSON object"));
        }
        let body = typed(&document)?;
        Ok(Self { body, document })
    }
}

/// Reads the typed fields of a document.
///
/// # Errors
/// [`ApiError`] that names the field with the wrong type, or the missing one.
pub(crate) fn typed<T: DeserializeOwned>(document: &Value) -> ApiResult<T> {
    serde_path_to_error::deserialize(document).map_err(|error| wrong_field(&error))
}

/// The error for a field that is missing or has the wrong type. A missing field is named itself, not its parent.
fn wrong_field(error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let (path, reason) = (error.path().to_string(), error.inner().to_string());
    let at = path.replace('[', ".").replace(']', "");
    let missing = reason.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match (missing, &*at) {
        (Some(field), ".") => ApiError::required(field),
        (Some(field), at) => ApiError::required(&format!("{at}.{field}")),
        (None, at) => ApiError::invalid(at, reason),
    }
}
