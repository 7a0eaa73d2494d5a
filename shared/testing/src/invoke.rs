//! Calls a function with an event, in JSON, as Lambda would.

use anyhow::Context as _;
use lambda_http::RequestExt;
use local::functions;
use runtime::Function;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::fixture::Fixture;
use crate::rights::Rights;

/// What a function answered, and what it did for that.
pub struct Invoked {
    /// The answer, as Lambda would get it.
    pub answer: Value,
    /// The calls that it may not make.
    pub refused: Vec<String>,
    /// The rights that it used.
    pub used: std::collections::BTreeSet<String>,
}

/// Calls a function of the bundle with an event.
///
/// # Errors
/// If there is no such function, the event is none of its kind, or its schedule failed.
pub async fn invoke(fixture: &Fixture, name: &str, event: &str) -> anyhow::Result<Invoked> {
    let entry = functions::ALL.iter().find(|entry| entry.name == name);
    let entry = entry.with_context(|| format!("infra/local/src/functions.rs has no line for `{name}`"))?;
    let (context, rights) = fixture.context_of(name)?;
    let (clock, random) = (context.clock.clone(), context.random.clone());
    let answer = match (entry.function)(context) {
        Function::Http(http) => request(runtime::observed(http.router, clock, random), event).await?,
        Function::Sqs(handle) => {
            let event = serde_json::from_str(event).context("it is no event of a queue")?;
            serde_json::to_value(handle(event).await)?
        }
        Function::Stream(handle) => {
            let event = serde_json::from_str(event).context("it is no event of a stream")?;
            serde_json::to_value(handle(event).await)?
        }
        Function::Resource(handle) => {
            let request = serde_json::from_str(event).context("it is no request of CloudFormation")?;
            serde_json::to_value(handle(request).await)?
        }
        Function::Schedule(handle) => {
            let _event: Value = serde_json::from_str(event).context("it is no event")?;
            handle().await?;
            Value::Null
        }
    };
    Ok(Invoked { answer, refused: Rights::refused(&rights), used: Rights::used(&rights) })
}

/// Puts an event of the API gateway through a router.
async fn request(router: axum::Router, event: &str) -> anyhow::Result<Value> {
    let request = lambda_http::request::from_str(event).context("it is no request of the API gateway")?;
    let (path, (parts, body)) = (request.raw_http_path().to_owned(), request.into_parts());
    anyhow::ensure!(parts.uri.path() == path, "the event's path is not its request's");
    let body = match body {
        lambda_http::Body::Text(text) => axum::body::Body::from(text),
        lambda_http::Body::Binary(bytes) => axum::body::Body::from(bytes),
        _ => axum::body::Body::empty(),
    };
    let response = router.oneshot(axum::http::Request::from_parts(parts, body)).await?;
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await?;
    let body = serde_json::from_slice(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body)));
    Ok(json!({ "statusCode": parts.status.as_u16(), "body": body }))
}
