//! Errors of the API. All of them have one body, which clients of incident.io's API expect.

use app::AppError;
use axum::Json;
use axum::response::{IntoResponse, Response};
use domain::Timestamp;
use domain::access::Forbidden;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use store::StoreError;
use tracing::{error, warn};

use crate::rate::Allowance;
use crate::schema::Time;

/// An error of the API: what happened, why, and which field of the request is wrong.
#[derive(Debug, Clone)]
pub struct ApiError {
    status: StatusCode,
    kind: &'static str,
    code: &'static str,
    message: String,
    field: Option<String>,
    request_id: String,
    limited: Option<Box<Limited>>,
}

/// The rate limit that a client has exceeded.
#[derive(Debug, Clone)]
struct Limited {
    name: String,
    allowance: Allowance,
    seconds: u32,
}

/// How long a client is asked to wait after Firebell failed, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("30");

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        let request_id = String::new();
        Self { status, kind, code, message: message.into(), field: None, request_id, limited: None }
    }

    /// The request has no API key or secret.
    pub fn no_authorization() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "authentication_error",
            "missing_authorization_material",
            "No authorization material provided in request: send `Authorization: Bearer` and an API key",
        )
    }

    /// The API key or secret of the request is wrong.
    pub fn wrong_authorization() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "authentication_error",
            "invalid_authorization_material",
            "The API key or secret in the request is invalid or was revoked",
        )
    }

    /// The object or path does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "not_found", message)
    }

    /// The request cannot be read.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", "invalid_request", message)
    }

    /// The body is too large.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", "payload_too_large", message)
    }

    /// The path does not support the method.
    pub fn wrong_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "method_not_allowed",
            "This path does not support this HTTP method. See /v1/openapiV3.json for the methods that it does",
        )
    }

    /// The action is not possible in the current state.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "illegal_transition", message)
    }

    /// The API key has exceeded its rate limit.
    pub(crate) fn too_many(name: &str, allowance: Allowance, now: Timestamp) -> Self {
        let wait = allowance.next_at.duration_since(now).as_millis_f64() / 1000.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within a minute")]
        let seconds = wait.ceil().max(1.0) as u32;
        let limited = Limited { name: name.to_owned(), allowance, seconds };
        Self {
            limited: Some(Box::new(limited)),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_requests",
                "too_many_requests",
                "Too many requests with this API key. Wait for the seconds in the header `Retry-After`",
            )
        }
    }

    /// A field of the request is missing.
    pub fn required(field: &str) -> Self {
        Self {
            field: Some(field.to_owned()),
            ..Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "validation_error",
                "is_required",
                format!("`{field}` is required"),
            )
        }
    }

    /// A field of the request has an invalid value.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_error", "invalid_value", message)
        }
    }

    /// Firebell failed. The same request may succeed later.
    pub fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "api_error",
            "unavailable",
            "Firebell could not process the request and changed nothing. Please send it again",
        )
    }

    /// The HTTP status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The message for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Sets `Retry-After` if the request may succeed later.
    pub(crate) fn ask_to_wait(&self, headers: &mut HeaderMap) {
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        if let Some(Limited { seconds, .. }) = self.limited.as_deref() {
            headers.insert(header::RETRY_AFTER, (*seconds).into());
        }
    }

    /// The field of the request that is wrong; `None` if the error is not about a field.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Sets the id of the request, by which it is found in the log.
    #[must_use]
    pub fn in_request(mut self, id: &str) -> Self {
        id.clone_into(&mut self.request_id);
        self
    }
}

impl From<AppError> for ApiError {
    fn from(error: AppError) -> Self {
        match error {
            AppError::NotFound { kind, id } => Self::not_found(format!("There is no {kind} `{id}`")),
            AppError::Forbidden(forbidden) => forbidden.into(),
            AppError::Invalid { field, reason } => Self::invalid(field, reason),
            AppError::Illegal(reason) => Self::conflict(reason),
            AppError::Conflict | AppError::Unavailable { .. } => {
                log_failure(&error);
                Self::unavailable()
            }
        }
    }
}

impl From<Forbidden> for ApiError {
    fn from(forbidden: Forbidden) -> Self {
        let message = format!(
            "This API key does not have the permission to {}: none of its roles grants it",
            forbidden.0.what()
        );
        Self::new(StatusCode::FORBIDDEN, "resource_forbidden", "forbidden", message)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        AppError::from(error).into()
    }
}

/// Logs a failure of Firebell. Mistakes of the client are not logged: the answer names them.
pub(crate) fn log_failure(failure: &AppError) {
    let cause = std::error::Error::source(failure).map(tracing::field::display);
    match failure {
        AppError::Conflict => warn!(error = %failure, "request lost a race too often"),
        _ => error!(error = %failure, cause, "request failed"),
    }
}

/// The body of an error.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(crate) struct ErrorBody {
    /// The kind of error, as `validation_error`.
    r#type: &'static str,
    /// The HTTP status.
    status: u16,
    /// The id of the request, by which it is found in the log.
    request_id: String,
    /// What is wrong.
    errors: Vec<ErrorEntry>,
    /// The rate limit that the API key has exceeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limit: Option<RateLimitStatus>,
}

/// One thing that is wrong with a request.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct ErrorEntry {
    /// The reason for programs, as `is_required`.
    code: &'static str,
    /// The reason for people.
    message: String,
    /// The field of the request that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<ErrorSource>,
}

/// A field of a request.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct ErrorSource {
    /// The path of the field, as `template.title.literal`.
    field: String,
    /// The same as a JSON pointer.
    pointer: String,
}

/// A rate limit and the rest of it.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct RateLimitStatus {
    /// The name of the API key.
    name: String,
    /// The requests that are allowed in a minute.
    limit: u32,
    /// The requests that are left.
    remaining: u32,
    /// When the next request is allowed.
    retry_after: Time,
}

impl ApiError {
    /// The body of the error.
    fn body(&self) -> ErrorBody {
        let source = self.field.as_ref().map(|field| ErrorSource {
            field: field.clone(),
            pointer: format!("/{}", field.replace('.', "/")),
        });
        let rate_limit = self.limited.as_deref().map(|Limited { name, allowance, .. }| RateLimitStatus {
            name: name.clone(),
            limit: allowance.per_minute(),
            remaining: allowance.remaining,
            retry_after: Time(allowance.next_at),
        });
        ErrorBody {
            r#type: self.kind,
            status: self.status.as_u16(),
            request_id: self.request_id.clone(),
            errors: vec![ErrorEntry { code: self.code, message: self.message.clone(), source }],
            rate_limit,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        self.ask_to_wait(response.headers_mut());
        if let Some(Limited { allowance, .. }) = self.limited.as_deref() {
            response.extensions_mut().insert(*allowance);
        }
        // The layer that knows the request writes the error again, with the request's id.
        response.extensions_mut().insert(self);
        response
    }
}
