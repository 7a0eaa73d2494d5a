//! Writes the events of a source's function: its own example, signed with the fixture's secret and with another one.
//!
//! `cargo run --bin source-event KIND`; they then stand in `events/alert-source-KIND/`.

use std::fs;

use anyhow::Context;
use domain::Timestamp;
use http::{HeaderMap, HeaderValue, header};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use sources::AlertSource;
use testing::fixture::{Fixture, SECRET};
use testing::template::root;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let kind = std::env::args().nth(1).context("which kind of source?")?;
    let source =
        sources::get(&kind).with_context(|| format!("there is no source `{kind}` in the registry"))?;
    let fixture = Fixture::new().await?;
    let id = fixture.sources[source.kind()].to_string();
    let folder = root().join(format!("events/alert-source-{}", kind.replace('_', "-")));
    fs::create_dir_all(&folder)?;
    for (case, secret) in [("firing", SECRET), ("wrong-secret", "not the secret of this source")] {
        let event = event(source, &id, secret, fixture.now())?;
        fs::write(folder.join(format!("{case}.json")), serde_json::to_string_pretty(&event)? + "\n")?;
    }
    Ok(())
}

/// A delivery of the source's example, as the API gateway hands it over.
fn event(source: &dyn AlertSource, id: &str, secret: &str, at: Timestamp) -> anyhow::Result<Value> {
    let body = serde_json::to_string(&source.example())?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    source.sign(&mut headers, body.as_bytes(), &SecretString::from(secret), at);
    let domain = "abcdefghij.execute-api.eu-west-1.amazonaws.com";
    let mut sent = Map::new();
    for (name, value) in &headers {
        sent.insert(name.as_str().to_owned(), json!(value.to_str()?));
    }
    for (name, value) in [("host", domain), ("x-forwarded-for", "192.0.2.1"), ("x-forwarded-proto", "https")]
    {
        sent.insert(name.to_owned(), json!(value));
    }
    sent.insert("content-length".to_owned(), json!(body.len().to_string()));
    let path = format!("/v2/alert_events/{}/{id}", source.kind());
    let route = format!("POST /v2/alert_events/{}/{{id}}", source.kind());
    Ok(json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": sent,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdefghij",
            "domainName": domain,
            "domainPrefix": "abcdefghij",
            "http": {
                "method": "POST",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": source.name(),
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": route,
            "stage": "$default",
            "time": at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": at.as_millisecond(),
        },
        "pathParameters": { "id": id },
        "body": body,
        "isBase64Encoded": false,
    }))
}
