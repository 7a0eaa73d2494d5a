//! Errors in Sentry's format: an envelope with one event.

use serde_json::{Value, json};

use super::layer::Fault;

/// The envelope of an error.
pub(super) fn envelope(function: &str, fault: &Fault) -> Vec<u8> {
    let id = format!("{:032x}", fastrand::u128(1..));
    let known: serde_json::Map<String, Value> =
        fault.fields.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    // Whole milliseconds, because a float cannot hold nanoseconds.
    let milliseconds = i64::try_from(fault.at / 1_000_000).unwrap_or_default();
    let at = domain::Timestamp::from_millisecond(milliseconds).unwrap_or(domain::Timestamp::UNIX_EPOCH);
    let message = if fault.message.is_empty() {
        known.get("error").and_then(Value::as_str).unwrap_or("an error").to_owned()
    } else {
        fault.message.clone()
    };
    let mut event = json!({
        "event_id": id,
        "timestamp": at.to_string(),
        "platform": "other",
        "level": "error",
        "logger": fault.target,
        "release": concat!("firebell@", env!("CARGO_PKG_VERSION")),
        "server_name": function,
        "transaction": function,
        "message": { "formatted": message },
        "tags": { "function": function },
        "extra": known,
    });
    if let Some((trace, span)) = &fault.place {
        event["contexts"] = json!({ "trace": { "trace_id": trace, "span_id": span } });
        event["tags"]["trace.id"] = json!(trace);
    }
    let event = event.to_string();
    let head = json!({ "event_id": id });
    let item = json!({ "type": "event", "length": event.len() });
    format!("{head}\n{item}\n{event}\n").into_bytes()
}
