//! Receives emails that a mail server posts, parsed or as `message/rfc822`.

use app::Context;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use mail::Letter;
use runtime::Function;

/// What a whole mail is posted as.
const WHOLE: &[u8] = b"message/rfc822";

/// The function.
pub fn function(ctx: Context) -> Function {
    runtime::http(http_api::source::router(sources::Kind::Email, ctx).layer(from_fn(taken_apart)))
}

/// Takes a whole mail apart before its source reads it. Of one that is very large, what is attached is left out, as it is
/// of one that SES received.
async fn taken_apart(request: Request, next: Next) -> Response {
    let posted_as = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let begins = posted_as.get(..WHOLE.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(WHOLE));
    if !begins {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    // A body that broke off is no JSON, and is refused as such: its sender sends it again.
    let letter = match mail::beginning(body).await {
        Ok(mail) => serde_json::to_vec(&Letter::read(&mail)).unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    next.run(Request::from_parts(parts, Body::from(letter))).await
}
