//! The API's own description: everything in it is served, and everything that is answered is as it says.

use std::sync::LazyLock;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{Answer, World};

/// The description.
static DOCUMENT: LazyLock<Value> = LazyLock::new(http_api::openapi::document);

/// Says whether a path is one of those that a path with names in braces means.
fn means(described: &str, path: &str) -> bool {
    let (described, path): (Vec<&str>, Vec<&str>) =
        (described.split('/').collect(), path.split('/').collect());
    let same = |(one, other): (&&str, &&str)| one.starts_with('{') || one == other;
    described.len() == path.len() && described.iter().zip(&path).all(same)
}

/// What is said of an operation. Of two that fit, the one with fewer names in braces is meant.
fn described(method: &Method, path: &str) -> Option<&'static Value> {
    let paths = DOCUMENT["paths"].as_object().unwrap().iter();
    let fitting = paths.filter(|(described, _)| means(described, path));
    let (_, found) = fitting.min_by_key(|(described, _)| described.matches('{').count())?;
    found.get(method.as_str().to_lowercase())
}

/// Holds that a value is of a shape.
#[track_caller]
fn fits(schema: &Value, value: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        return fits(DOCUMENT.pointer(name.trim_start_matches('#')).unwrap(), value, at);
    }
    let is = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_i64(),
        Some("boolean") => value.is_boolean(),
        None => true,
        Some(other) => panic!("{at}: there is no type `{other}`"),
    };
    assert!(is, "{at}: {value} is not {schema}");
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{at}: {value} is none of {words:?}");
    }
    if schema["format"] == "date-time" {
        assert!(value.as_str().unwrap().parse::<domain::Timestamp>().is_ok(), "{at}: {value} is no time");
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{at}: {name} is missing in {value}");
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name) {
            fits(schema, value, &format!("{at}.{name}"));
        }
    }
    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
        fits(&schema["items"], item, &format!("{at}.{n}"));
    }
}

/// Holds that an answer is as the description says.
#[track_caller]
pub(crate) fn check(method: &Method, path: &str, answer: &Answer) {
    let path = path.split('?').next().unwrap_or_default();
    let described = described(method, path);
    let at = format!("{method} {path} {}", answer.status);
    if answer.status.is_success() {
        let said = &described.unwrap_or_else(|| panic!("{at} is not described"))["responses"];
        let said = &said[answer.status.as_str()];
        assert!(said.is_object(), "{at}: the description says that success is answered otherwise");
        match said.pointer("/content/application~1json/schema") {
            Some(schema) => fits(schema, &answer.body, &at),
            None => assert_eq!(answer.body, Value::Null, "{at}: the description says nothing of a body"),
        }
    } else if !answer.body.is_null() {
        let own = described
            .and_then(|described| described.pointer("/responses/default/content/application~1json/schema"));
        let refusal = json!({ "$ref": "#/components/schemas/Refusal" });
        fits(own.unwrap_or(&refusal), &answer.body, &at);
    }
}

#[tokio::test]
async fn every_operation_that_is_described_is_served() {
    let world = World::new().await;
    let mut served = 0;

    for (path, operations) in DOCUMENT["paths"].as_object().unwrap() {
        let at = path
            .replace("{kind}", "http")
            .replace("{id}", "01FCNDV6P870EA6S7TK1DSYDG0")
            .replace("{action}", "close");
        for name in operations.as_object().unwrap().keys() {
            let method = Method::from_bytes(name.to_uppercase().as_bytes()).unwrap();

            let answer = world.ask(&world.key, method, &at, Some(&json!({}))).await;

            assert_ne!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{name} {path}");
            let message = answer.body["errors"][0]["message"].as_str().unwrap_or_default();
            assert!(!message.starts_with("There is nothing at"), "{name} {path}: {message}");
            served += 1;
        }
    }
    assert!(served > 50, "only {served} operations are described");
}

#[tokio::test]
async fn description_is_shown_to_whoever_has_a_key() {
    let world = World::new().await;

    assert_eq!(world.get("/v1/openapiV3.json").await.with(200), *DOCUMENT);
    world.ask("nobody", Method::GET, "/v1/openapiV3.json", None).await.refused(401);
}

#[test]
#[should_panic(expected = "missing in")]
fn answer_that_is_not_as_described_is_seen() {
    let body = json!({ "status": "success" });
    let answer = Answer { status: StatusCode::ACCEPTED, headers: http::HeaderMap::new(), body };
    check(&Method::POST, "/v2/alert_events/http/x", &Answer { body: json!({ "message": "" }), ..answer });
}
