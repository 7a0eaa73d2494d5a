//! For every operation of the API, and for every field that holds an id: another organisation's things are not there.
//!
//! The operations are those that the API describes of itself, so a new one is tried without a line here.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use http_api::openapi::{document, operations};
use serde_json::{Value, json};

use crate::world::{World, event, id, route_of};

/// In the name of everything that the organisation has, which nobody else may read.
const MARK: &str = "Sekret";

/// An organisation with one of everything.
async fn settled() -> World {
    let world = World::new().await;
    let user = json!({ "name": format!("{MARK} Ada"), "email": "ada@home.example", "role": "responder" });
    let user = id(&world.post("/v2/users", &user).await.with(201)["user"]);
    let source = world.source().await;
    let path = world.path(&user).await;
    let mut route = route_of(&id(&source), &path);
    route["name"] = json!(MARK);
    world.post("/v2/alert_routes", &route).await.with(201);
    world.deliver(&source, &event(MARK, "firing")).await;
    let choice = json!({
        "name": MARK, "description": MARK, "category": "live", "instructions": "", "shortform": "ours",
        "type": "String", "array": false,
    });
    for list in ["/v1/severities", "/v1/incident_statuses", "/v2/incident_roles", "/v2/alert_attributes"] {
        world.post(list, &choice).await.with(201);
    }
    let incident = json!({ "idempotency_key": MARK, "visibility": "public", "name": MARK });
    let incident = id(&world.post("/v2/incidents", &incident).await.with(200)["incident"]);
    let update = json!({ "incident_id": incident, "idempotency_key": MARK, "message": MARK });
    world.post("/v2/incident_updates", &update).await.with(201);
    let key = json!({ "name": MARK, "role_names": ["viewer"] });
    world.post("/v1/api_keys", &key).await.with(201);
    world
}

/// Every item of the table that is not the other organisation's, by its key.
fn ours(world: &World) -> BTreeMap<String, Value> {
    let other = world.other_org.to_string();
    let scan = json!({ "TableName": embedded::TABLE }).to_string();
    let answer = world.embedded.dynamo().answer("Scan", scan.as_bytes());
    let found: Value = serde_json::from_slice(&answer.body).unwrap();
    let items = found["Items"].as_array().unwrap().iter().filter(|item| !item.to_string().contains(&other));
    items.map(|item| (format!("{} {}", item["pk"], item["sk"]), item.clone())).collect()
}

/// Everything in the table that looks like an id.
fn ids(items: &BTreeMap<String, Value>) -> BTreeSet<String> {
    let text = Value::from_iter(items.iter().map(|(key, item)| json!([key, item]))).to_string();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let is_id = |word: &&str| {
        word.len() == 26 && word.starts_with('0') && !word.bytes().any(|byte| byte.is_ascii_lowercase())
    };
    words.filter(is_id).map(str::to_owned).collect()
}

/// The least that a schema takes, with `text` wherever it takes any text.
fn least(document: &Value, schema: &Value, text: &str, whole: bool) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        return least(document, document.pointer(name.trim_start_matches('#')).unwrap(), text, whole);
    }
    if let Some(word) = schema["enum"].get(0) {
        return word.clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let required: Vec<&Value> = schema["required"].as_array().into_iter().flatten().collect();
            let fields = schema["properties"].as_object().into_iter().flatten();
            let wanted = fields.filter(|(name, _)| whole || required.iter().any(|one| *one == *name));
            wanted.map(|(name, field)| (name.clone(), least(document, field, text, whole))).collect()
        }
        Some("array") if whole => json!([least(document, &schema["items"], text, whole)]),
        Some("array") => json!([]),
        Some("integer") => json!(1),
        Some("boolean") => json!(false),
        Some("string") if schema["format"] == "date-time" => json!("2026-01-01T00:00:00Z"),
        Some("string") => json!(text),
        _ => json!({}),
    }
}

/// Bodies that are more than their shapes say.
fn better(path: &str, mut body: Value) -> Value {
    match path {
        "/v2/alert_sources/{id}" => body = crate::world::source_of("http"),
        "/v2/escalation_paths/{id}" => body = crate::world::path_of("01FCNDV6P870EA6S7TK1DSYDG0"),
        "/v2/alert_routes/{id}" => {
            body = route_of("01FCNDV6P870EA6S7TK1DSYDG0", "01FCNDV6P870EA6S7TK1DSYDG0");
            body["version"] = json!(2);
            body["alert_sources"] = json!([]);
            body["escalation_config"]["escalation_targets"] = json!([]);
        }
        "/v2/users/{id}/notification_methods" => {
            body = json!({ "method_type": "email", "address": "x@example.com" });
        }
        "/v2/users/{id}/actions/remove_notification_method" => {
            body["notification_method_id"] = json!("01FCNDV6P870EA6S7TK1DSYDG0")
        }
        "/v2/users/{id}/notification_rules" => body["notification_rules"] = json!([]),
        "/v2/alert_attributes/{id}" => body["type"] = json!("String"),
        "/v1/api_keys/{id}" => body = json!({ "name": "x", "role_names": [] }),
        _ => {}
    }
    body
}

/// The body that an operation is asked with.
fn body_of(document: &Value, method: &str, path: &str, text: &str, whole: bool) -> Value {
    let schema = &document["paths"][path][method.to_lowercase()]["requestBody"]["content"];
    let schema = &schema["application/json"]["schema"];
    if schema.is_null() { json!({}) } else { least(document, schema, text, whole) }
}

#[tokio::test]
async fn whatever_is_asked_of_another_organisations_ids_is_404_and_writes_nothing() {
    let world = settled().await;
    let (document, before) = (document(), ours(&world));
    let ids = ids(&before);
    let mut asked = 0;

    for operation in operations().filter(|one| one.path.contains("{id}") && !one.by_secret) {
        let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
        let body = better(operation.path, body_of(&document, operation.method, operation.path, "x", false));
        for id in &ids {
            // More requests than a key has for a minute.
            world.pass(1);
            let path = operation.path.replace("{id}", id);
            let answer = world.ask(&world.other, method.clone(), &path, Some(&body)).await;
            assert_eq!(
                answer.status, 404,
                "{method} {path}: {}; if it is the body that it does not take, `better` in tests/api/strangers.rs \
                 makes it a good one",
                answer.body
            );
            asked += 1;
        }
    }

    assert!(ids.len() > 15 && asked > 500, "{} ids, {asked} requests", ids.len());
    assert_eq!(ours(&world), before);
}

#[tokio::test]
async fn whatever_takes_an_id_in_its_body_or_its_query_tells_nothing_of_another_organisations() {
    let world = settled().await;
    let (document, before) = (document(), ours(&world));
    let ids = ids(&before);

    for operation in operations().filter(|one| !one.path.contains('{')) {
        let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
        let described = &document["paths"][operation.path][operation.method.to_lowercase()];
        for id in &ids {
            world.pass(1);
            let asked = match operation.method {
                "GET" => {
                    let names = described["parameters"].as_array().unwrap().iter();
                    let names =
                        names.map(|one| one["name"].as_str().unwrap()).filter(|name| *name != "page_size");
                    names.map(|name| (format!("{}?{name}={id}", operation.path), json!({}))).collect()
                }
                _ => [false, true]
                    .map(|whole| {
                        let body = body_of(&document, operation.method, operation.path, id, whole);
                        (operation.path.to_owned(), body)
                    })
                    .to_vec(),
            };
            for (path, body) in asked {
                let answer = world.ask(&world.other, method.clone(), &path, Some(&body)).await;
                assert!(!answer.body.to_string().contains(MARK), "{method} {path} {body}: {}", answer.body);
            }
        }
    }

    assert_eq!(ours(&world), before);
}
