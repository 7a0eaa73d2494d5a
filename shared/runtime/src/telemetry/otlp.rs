//! Spans in the JSON format of OTLP.

use serde_json::{Value, json};

use super::layer::Part;

/// A span.
pub(super) fn span(part: Part, ended: i128) -> Value {
    let field =
        |name: &str| part.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
    // The numbers of OpenTelemetry: 1 internal, 2 server, 5 consumer.
    let kind = match part.name {
        "request" => 2,
        "message" => 5,
        _ => 1,
    };
    let name = match (field("http.method"), field("http.route")) {
        (Some(method), Some(route)) => format!("{method} {route}"),
        (_, _) => part.name.to_owned(),
    };
    let failed = part.failed || field("http.status").is_some_and(|status| status.starts_with('5'));
    json!({
        "traceId": part.trace,
        "spanId": part.span,
        "parentSpanId": part.parent.as_deref().unwrap_or_default(),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": part.begun.to_string(),
        "endTimeUnixNano": ended.max(part.begun).to_string(),
        "attributes": attributes(&part.fields),
        "status": { "code": if failed { 2 } else { 0 } },
    })
}

/// The body of a request with spans.
pub(super) fn request(function: &str, spans: Vec<Value>) -> Value {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let resource = [
        ("service.name", "firebell".to_owned()),
        ("service.version", version.clone()),
        ("faas.name", function.to_owned()),
    ];
    json!({ "resourceSpans": [{
        "resource": { "attributes": attributes(&resource) },
        "scopeSpans": [{ "scope": { "name": "firebell", "version": version }, "spans": spans }],
    }] })
}

fn attributes(fields: &[(&'static str, String)]) -> Value {
    let one =
        |(name, value): &(&'static str, String)| json!({ "key": name, "value": { "stringValue": value } });
    fields.iter().map(one).collect::<Vec<_>>().into()
}
