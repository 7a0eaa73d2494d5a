//! The events of alert sources' functions: the example of the source, signed with the right secret and with a wrong one.

use std::fs;

use domain::Timestamp;
use http::{HeaderMap, HeaderValue, header};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use sources::AlertSource;

use super::function_of;
use crate::fixture::{Fixture, SECRET};
use crate::template::root;

/// The names of the two events, with the secrets that sign them.
const EVENTS: &[(&str, &str)] = &[("firing", SECRET), ("wrong-secret", "not the secret of this source")];

/// Writes the events that are missing, and returns their paths. Existing ones stay as they are, because an event may
/// be changed by hand. To write one again, delete it first.
pub(super) async fn write_missing() -> anyhow::Result<Vec<String>> {
    let fixture = Fixture::new().await?;
    let mut written = Vec::new();
    for source in sources::all() {
        let id = fixture.sources[source.kind()].to_string();
        for (case, secret) in EVENTS {
            let file = format!("events/{}/{case}.json", function_of(*source));
            let path = root().join(&file);
            if path.exists() {
                continue;
            }
            let event = event(*source, &id, secret, fixture.now())?;
            fs::create_dir_all(root().join(format!("events/{}", function_of(*source))))?;
            fs::write(path, serde_json::to_string_pretty(&event)? + "\n")?;
            written.push(file);
        }
    }
    Ok(written)
}

/// A delivery of the source's example, as the API gateway passes it to the function.
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
    let path = source.delivery_path(id);
    let route = format!("POST {}", source.delivery_path("{id}"));
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
