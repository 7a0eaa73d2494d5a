//! The description of the API: every operation in it is served, and every request and reply of the tests is as it says.

use std::sync::LazyLock;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{Answer, World};

/// The description of the API.
static DOCUMENT: LazyLock<Value> = LazyLock::new(http_api::openapi::document);

/// Says whether a described path, with names in braces, fits a path.
fn means(described: &str, path: &str) -> bool {
    let (described, path): (Vec<&str>, Vec<&str>) =
        (described.split('/').collect(), path.split('/').collect());
    let same = |(one, other): (&&str, &&str)| one.starts_with('{') || one == other;
    described.len() == path.len() && described.iter().zip(&path).all(same)
}

/// The description of an operation. Of two paths that fit, the one with fewer names in braces is meant.
fn described(method: &Method, path: &str) -> Option<&'static Value> {
    let paths = DOCUMENT["paths"].as_object().unwrap().iter();
    let fitting = paths.filter(|(described, _)| means(described, path));
    let (_, found) = fitting.min_by_key(|(described, _)| described.matches('{').count())?;
    found.get(method.as_str().to_lowercase())
}

/// Asserts that a value is as its schema says.
#[track_caller]
fn fits(schema: &Value, value: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        return fits(DOCUMENT.pointer(name.trim_start_matches('#')).unwrap(), value, at);
    }
    if schema["nullable"] == true && value.is_null() {
        return;
    }
    if let Some(choices) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        let fitting = |choice: &&Value| fits_type(choice, value);
        let choice = choices.iter().find(fitting).unwrap_or_else(|| panic!("{at}: {value} is not {schema}"));
        return fits(choice, value, at);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        fits(part, value, at);
    }
    for keyword in ["not", "const", "if", "prefixItems", "patternProperties"] {
        assert!(schema.get(keyword).is_none(), "{at}: the test does not know the keyword `{keyword}`");
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
    if let Some(least) = schema["minLength"].as_u64() {
        assert!(value.as_str().is_some_and(|text| text.len() as u64 >= least), "{at}: {value} is too short");
    }
    if let Some(least) = schema["minimum"].as_i64() {
        assert!(value.as_i64().is_none_or(|number| number >= least), "{at}: {value} is too small");
    }
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

/// Says whether a value has the type of one choice of several.
fn fits_type(choice: &Value, value: &Value) -> bool {
    let choice = match choice["$ref"].as_str() {
        Some(name) => DOCUMENT.pointer(name.trim_start_matches('#')).unwrap(),
        None => choice,
    };
    match choice["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer" | "number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some(_) | None => choice["enum"].as_array().is_none_or(|words| words.contains(value)),
    }
}

/// Asserts that an answer is as the description says, and that the body that led to a success is, too.
#[track_caller]
pub(crate) fn check(method: &Method, path: &str, body: Option<&Value>, answer: &Answer) {
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
        let takes = described
            .and_then(|described| described.pointer("/requestBody/content/application~1json/schema"));
        if let Some((schema, body)) = takes.zip(body) {
            fits(schema, body, &format!("{at}, request"));
        }
    } else if !answer.body.is_null() {
        let own = described
            .and_then(|described| described.pointer("/responses/default/content/application~1json/schema"));
        let error = json!({ "$ref": "#/components/schemas/Error" });
        fits(own.unwrap_or(&error), &answer.body, &at);
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
            assert!(!message.contains("does not exist. See"), "{name} {path}: {message}");
            served += 1;
        }
    }
    assert!(served > 50, "only {served} operations are described");
}

#[tokio::test]
async fn description_is_shown_to_every_api_key() {
    let world = World::new().await;

    assert_eq!(world.get("/v1/openapiV3.json").await.with(200), *DOCUMENT);
    world.ask("nobody", Method::GET, "/v1/openapiV3.json", None).await.refused(401);
}

#[test]
#[should_panic(expected = "missing in")]
fn answer_that_is_not_as_described_is_seen() {
    let body = json!({ "status": "success" });
    let answer = Answer { status: StatusCode::ACCEPTED, headers: http::HeaderMap::new(), body };
    check(
        &Method::POST,
        "/v2/alert_events/http/x",
        None,
        &Answer { body: json!({ "message": "" }), ..answer },
    );
}
