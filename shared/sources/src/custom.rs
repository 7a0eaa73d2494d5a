//! Options with which a customer configures how payloads become alerts. If they fail, the alert keeps the values that
//! were parsed, fires, and lists the problem.

use domain::alert::{AlertEvent, AlertStatus};
use domain::source::custom::MappedFields;
use domain::source::redaction::{redact, redact_value};
use domain::source::{Custom, Redaction};
use domain::template::Problem;
use serde_json::Value;
use serde_json::value::to_raw_value;

use crate::{field, source};

/// The API field of the options that change how payloads of this kind become alerts. `None` if the kind has no such
/// options.
pub fn transform_options(kind: &str) -> Option<&'static str> {
    let options = source::get(kind)?.options()?;
    options.transform_payloads().then(|| options.field())
}

/// Removes sensitive numbers from the texts and the payload of an event.
pub fn redact_event(event: &mut AlertEvent, redactions: &[Redaction]) {
    if redactions.is_empty() {
        return;
    }
    event.title = redact(redactions, &event.title).into_owned();
    // The hash keeps different keys different.
    if redact(redactions, &event.deduplication_key) != event.deduplication_key {
        event.deduplication_key = field::key_hash(&event.deduplication_key);
    }
    event.description = event.description.take().map(|text| redact(redactions, &text).into_owned());
    let mut payload: Value = serde_json::from_str(event.payload.get()).unwrap_or_default();
    redact_value(redactions, &mut payload);
    if let Ok(payload) = to_raw_value(&payload) {
        event.payload = payload;
    }
}

/// Applies the customer's options to an event. Returns the event and the problems, each with the name of its field below
/// `options`.
pub fn apply_custom_options(
    mut event: AlertEvent,
    custom: &Custom,
    options: &str,
) -> (AlertEvent, Vec<Problem>) {
    let payload: Value = serde_json::from_str(event.payload.get()).unwrap_or_default();
    let mapped = match custom.map(&event, &payload) {
        Ok(mapped) => mapped,
        Err(Problem(problem)) => {
            event.status = AlertStatus::Firing;
            return (event, vec![Problem(format!("{options}.transform_expression: {problem}"))]);
        }
    };
    let MappedFields { title, description, status, deduplication_key, source_url, priority, metadata } =
        mapped;
    let mut problems = Vec::new();
    match deduplication_key {
        Some(key) => event.deduplication_key = field::key(key),
        None if custom.deduplication_key_path.trim().is_empty() => {}
        None => {
            problems.push(Problem(format!(
                "{options}.deduplication_key_path: the payload has no value at this path"
            )));
        }
    }
    if !custom.transform_expression.trim().is_empty() {
        event.status = source::status(status.as_deref()).unwrap_or(AlertStatus::Firing);
    }
    if let Some(title) = title {
        event.title = field::title(&title);
    }
    event.description = field::description(description).or(event.description);
    event.source_url = field::url(source_url).or(event.source_url);
    let metadata_text = |name: &str| metadata.as_ref()?.get(name)?.as_str().map(str::to_owned);
    let priority = priority.or_else(|| metadata_text("priority")).or_else(|| metadata_text("severity"));
    event.priority = field::priority(priority).or(event.priority);
    if let Some(metadata) = metadata
        && let Value::Object(mut fields) = payload
    {
        match fields.get_mut("metadata") {
            Some(Value::Object(existing)) => existing.extend(metadata),
            Some(_) | None => drop(fields.insert("metadata".to_owned(), Value::Object(metadata))),
        }
        if let Ok(payload) = to_raw_value(&fields) {
            event.payload = payload;
        }
    }
    (event, problems)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(payload: &Value) -> AlertEvent {
        AlertEvent {
            status: AlertStatus::Firing,
            deduplication_key: "by content".to_owned(),
            title: "as it came".to_owned(),
            description: None,
            source_url: None,
            priority: None,
            occurred_at: None,
            began_at: None,
            holds_s: None,
            payload: to_raw_value(payload).unwrap(),
        }
    }

    fn custom(path: &str, transform: &str) -> Custom {
        Custom { deduplication_key_path: path.to_owned(), transform_expression: transform.to_owned() }
    }

    #[test]
    fn paths_and_expressions_set_the_fields_of_the_alert() {
        let payload = json!({"alert_id": 17, "name": "Disk full", "state": "OK", "url": "https://x.example/1",
            "team": "shop", "metadata": {"mine": 1}});
        let transforms = [
            r#"{"title": "$.name", "status": "$.state", "sourceURL": "$.url", "description": "fixed"}"#,
            r#"{"title": payload.name, "status": "resolved" if payload.state == "OK" else "firing",
                "source_url": payload.url, "description": "fixed", "metadata": {"team": payload.team, "priority": "P2"}}"#,
        ];
        for (n, transform) in transforms.into_iter().enumerate() {
            let custom = custom("$.alert_id", transform);
            assert_eq!(custom.check(), Ok(()), "{transform}");

            let (event, problems) = apply_custom_options(event(&payload), &custom, "http_custom_options");

            assert_eq!(problems, []);
            assert_eq!((event.title.as_str(), event.status), ("Disk full", AlertStatus::Resolved));
            assert_eq!(event.deduplication_key, "17");
            assert_eq!(event.description.as_deref(), Some("fixed"));
            assert_eq!(event.source_url.as_deref(), Some("https://x.example/1"));
            if n == 1 {
                let payload: Value = serde_json::from_str(event.payload.get()).unwrap();
                assert_eq!(payload["metadata"], json!({"mine": 1, "team": "shop", "priority": "P2"}));
                assert_eq!(event.priority.as_deref(), Some("P2"));
            }
        }
    }

    #[test]
    fn alert_fires_with_its_parsed_values_and_a_problem_if_the_options_fail() {
        let payload = json!({"status": "resolved"});
        for transform in
            ["1", "payload.a + payload.b", "[1]", "{", "{'title': 'x'|replace('x', 'y' * 100000000)}"]
        {
            let resolved = AlertEvent { status: AlertStatus::Resolved, ..event(&payload) };
            let (event, problems) =
                apply_custom_options(resolved, &custom("$.nothing", transform), "http_custom_options");

            assert_eq!(
                (event.status, event.title.as_str()),
                (AlertStatus::Firing, "as it came"),
                "{transform}"
            );
            assert_eq!(event.deduplication_key, "by content");
            assert_eq!(problems.len(), 1, "{transform}");
        }
        let (event, problems) =
            apply_custom_options(event(&payload), &custom("$.nothing", ""), "http_custom_options");
        assert_eq!((event.deduplication_key.as_str(), problems.len()), ("by content", 1));
    }

    #[test]
    fn invalid_options_are_refused_by_field() {
        let cases = [
            (custom("alert id", ""), "deduplication_key_path"),
            (custom("", "return { title: $.title || $.name }"), "transform_expression"),
            (custom("", r#"{"tittle": "$.a"}"#), "transform_expression"),
            (custom("", r#"{"title": "$.a b"}"#), "transform_expression"),
        ];
        for (custom, field) in cases {
            assert_eq!(custom.check().unwrap_err().at, field, "{custom:?}");
        }
        assert_eq!(custom("", "").check(), Ok(()));
    }
}
