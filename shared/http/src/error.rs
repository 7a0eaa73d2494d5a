//! Refusals: one body for all of them, as clients of incident.io's API expect it.

use app::AppError;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// A refusal.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    kind: &'static str,
    code: &'static str,
    message: String,
    field: Option<String>,
    request_id: String,
}

/// How long a sender waits before it tries again, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("30");

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, code, message: message.into(), field: None, request_id: String::new() }
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
            AppError::Invalid { field, reason } => Self::invalid(field, reason),
            AppError::Illegal(reason) => {
                Self::new(StatusCode::CONFLICT, "conflict", "illegal_transition", reason)
            }
            AppError::Conflict | AppError::Unavailable { .. } => Self::unavailable(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(field) = &self.field {
            error["source"] = json!({ "field": field, "pointer": format!("/{}", field.replace('.', "/")) });
        }
        let body: Value = json!({
            "type": self.kind,
            "status": self.status.as_u16(),
            "request_id": self.request_id,
            "errors": [error],
        });
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}
