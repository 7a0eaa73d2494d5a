//! Refusals: one body for all of them, as clients of incident.io's API expect it.

use app::AppError;
use axum::Json;
use axum::response::{IntoResponse, Response};
use domain::Timestamp;
use domain::access::Forbidden;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use store::StoreError;
use tracing::warn;

use crate::rate::Allowance;

/// A refusal.
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

/// What a client needs to know that asked too often.
#[derive(Debug, Clone)]
struct Limited {
    name: String,
    allowance: Allowance,
    seconds: u32,
}

/// How long a sender waits before it tries again, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("30");

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        let request_id = String::new();
        Self { status, kind, code, message: message.into(), field: None, request_id, limited: None }
    }

    /// No key or secret was given.
    pub fn no_authorization() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "authentication_error",
            "missing_authorization_material",
            "No authorization material provided in request",
        )
    }

    /// The key or secret is not a right one.
    pub fn wrong_authorization() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "authentication_error",
            "invalid_authorization_material",
            "The key or secret in the request is not a right one",
        )
    }

    /// There is no such thing.
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

    /// The path takes no such method.
    pub fn wrong_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "method_not_allowed",
            "This path does not take this method",
        )
    }

    /// It cannot be done as things are.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "illegal_transition", message)
    }

    /// The key has asked too often.
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
                "Too many requests of this key: wait as long as `Retry-After` says",
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
                format!("`{field}` is needed"),
            )
        }
    }

    /// A field of the request is wrong.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_error", "invalid_value", message)
        }
    }

    /// We failed; the same request may succeed later.
    pub fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "api_error",
            "unavailable",
            "We could not do this just now; nothing was accepted. Please send it again",
        )
    }

    /// The status that it is answered with.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong, for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Asks a sender to try again later, where that makes sense.
    pub(crate) fn ask_to_wait(&self, headers: &mut HeaderMap) {
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        if let Some(Limited { seconds, .. }) = self.limited.as_deref() {
            headers.insert(header::RETRY_AFTER, (*seconds).into());
        }
    }

    /// The field that is wrong, if it is one.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Names the request, so that it is found in the log.
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
            AppError::Conflict | AppError::Unavailable { .. } => Self::unavailable(),
        }
    }
}

impl From<Forbidden> for ApiError {
    fn from(forbidden: Forbidden) -> Self {
        let message = format!("No role of this key gives it the permission to {}", forbidden.0.what());
        Self::new(StatusCode::FORBIDDEN, "resource_forbidden", "forbidden", message)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        warn!(%error, cause = std::error::Error::source(&error).map(tracing::field::display), "a request failed");
        Self::unavailable()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(field) = &self.field {
            error["source"] = json!({ "field": field, "pointer": format!("/{}", field.replace('.', "/")) });
        }
        let mut body: Value = json!({
            "type": self.kind,
            "status": self.status.as_u16(),
            "request_id": self.request_id,
            "errors": [error],
        });
        if let Some(Limited { name, allowance, .. }) = self.limited.as_deref() {
            body["rate_limit"] = json!({
                "name": name,
                "limit": allowance.per_minute(),
                "remaining": allowance.remaining,
                "retry_after": allowance.next_at,
            });
        }
        let mut response = (self.status, Json(body)).into_response();
        self.ask_to_wait(response.headers_mut());
        if let Some(Limited { allowance, .. }) = self.limited.as_deref() {
            response.extensions_mut().insert(*allowance);
        }
        // Whoever knows the request writes the refusal again, with its id.
        response.extensions_mut().insert(self);
        response
    }
}
