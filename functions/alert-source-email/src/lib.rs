//! Accepts deliveries for Email alert sources. A mail server may post an email as JSON or as `message/rfc822`.

use app::Context;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use mail::ParsedMail;
use runtime::Function;

/// The content type of a complete email.
const COMPLETE_MAIL: &[u8] = b"message/rfc822";

/// Creates the function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::source::router(sources::Kind::Email, ctx).layer(from_fn(parse_mail)))
}

/// Parses a complete email before its source reads it. A large email is cut off, as if SES had received it.
async fn parse_mail(request: Request, next: Next) -> Response {
    let content_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let start = content_type.get(..COMPLETE_MAIL.len());
    if !start.is_some_and(|start| start.eq_ignore_ascii_case(COMPLETE_MAIL)) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    // An incomplete body becomes an empty one, which is refused because it is not JSON. Its sender retries.
    let parsed = match mail::read_start(body).await {
        Ok(mail) => serde_json::to_vec(&ParsedMail::parse(&mail)).unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    next.run(Request::from_parts(parts, Body::from(parsed))).await
}
