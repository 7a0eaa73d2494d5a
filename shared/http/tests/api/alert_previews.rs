//! Previews: what would be, and nothing that is.

use std::sync::Arc;

use app::Context;
use app::alert::preview::{PreviewRequest, preview};
use domain::Actor;
use domain::id::SourceId;
use domain::source::{SourceKind, Template};
use domain::template::Binding;
use embedded::{CountingBackend, Counts};
use machine::Silent;
use serde_json::{Value, json};
use store::Store;

use crate::world::{World, changed, event, id, route_of, source_of};

const PATH: &str = "/v2/alert_sources/actions/preview_alerts";

/// A world with a source, a path and a route from one to the other.
async fn routed(world: &World) -> (Value, String, String) {
    let source = world.source().await;
    let ada = world.person("ada").await;
    let path = world.path(&ada).await;
    world.post("/v2/alert_routes", &route_of(&id(&source), &path)).await.with(201);
    (source, path, ada)
}

/// What is previewed: a source that is to be, with a field more.
fn trial(field: &str, value: Value) -> Value {
    let title = json!({ "literal": "{{ payload.metadata.team|upper }}: {{ alert.title }}" });
    let trial = changed(&source_of("http"), "/template/title", title);
    changed(&trial, &format!("/{field}"), value)
}

/// Everything in the table, and how much waits.
fn everything(world: &World) -> (Value, usize) {
    let scan = json!({ "TableName": embedded::TABLE }).to_string();
    let answer = world.embedded.dynamo().answer("Scan", scan.as_bytes());
    let waits = world.embedded.queues().receive("alert-handle", 10).unwrap().len();
    (serde_json::from_slice(&answer.body).unwrap(), waits)
}

#[tokio::test]
async fn payload_shows_what_it_would_say_and_whom_it_would_page() {
    let world = World::new().await;
    let (source, path, ada) = routed(&world).await;
    let before = everything(&world);
    let asked = changed(&trial("payload", event("db", "firing")), "/alert_source_id", source["id"].clone());

    let shown = world.post(PATH, &asked).await.with(200);

    let alert = &shown["alerts"][0];
    assert_eq!(shown["alerts"].as_array().unwrap().len(), 1);
    assert_eq!(alert["title"], "PLATFORM: db is broken");
    assert_eq!(alert["description"], "Look at the runbook");
    assert_eq!((&alert["status"], &alert["routing"]), (&json!("firing"), &json!("routed")));
    assert_eq!((&alert["deduplication_key"], &alert["problems"]), (&json!("db"), &json!([])));
    assert_eq!(alert["alert_routes"][0]["name"], "Everything");
    assert_eq!(alert["incident_name"], "db is broken");
    let ada = json!([{ "id": ada, "name": "ada" }]);
    assert_eq!(alert["escalations"], json!([{ "escalation_path_id": path, "levels": [{ "users": ada }] }]));
    assert_eq!(everything(&world), before);
}

#[tokio::test]
async fn source_that_is_not_there_yet_would_page_the_fallback_contact() {
    let world = World::new().await;
    routed(&world).await;

    let firing = world.post(PATH, &trial("payload", event("db", "firing"))).await.with(200);
    let over = world.post(PATH, &trial("payload", event("db", "resolved"))).await.with(200);

    assert_eq!(firing["alerts"][0]["routing"], "fallback");
    assert_eq!(firing["alerts"][0]["escalations"][0]["levels"][0]["users"][0]["name"], "Olive Owner");
    assert_eq!(over["alerts"][0]["status"], "resolved");
    assert_eq!(over["alerts"][0]["escalations"], json!([]));
}

#[tokio::test]
async fn last_alerts_of_a_source_are_previewed_as_they_were_sent() {
    let world = World::new().await;
    let (source, ..) = routed(&world).await;
    for n in 0..22 {
        world.deliver(&source, &event(&format!("db{n:02}"), "firing")).await;
    }
    let put = trial("name", json!("Now with another title"));
    world.put(&format!("/v2/alert_sources/{}", id(&source)), &put).await.with(200);
    world.deliver(&source, &event("new", "firing")).await;
    let before = everything(&world);

    let shown = world.post(PATH, &trial("alert_source_id", source["id"].clone())).await.with(200);

    let alerts = shown["alerts"].as_array().unwrap();
    assert_eq!(alerts.len(), 20);
    // It has that title already, and does not get it twice.
    assert_eq!(alerts[0]["title"], "PLATFORM: new is broken");
    assert_eq!(alerts[1]["title"], "PLATFORM: db21 is broken");
    assert!(alerts[0]["alert_id"].is_string());
    assert_eq!(everything(&world), before);
}

#[tokio::test]
async fn what_would_fail_is_shown_and_what_cannot_be_is_refused() {
    let world = World::new().await;
    let (source, ..) = routed(&world).await;
    let other = world
        .ask(&world.other, http::Method::POST, "/v2/alert_sources", Some(&source_of("http")))
        .await
        .with(200);
    let fails = json!({ "literal": "{{ payload.title + 1 }}" });
    let fails = changed(&trial("payload", event("db", "firing")), "/template/title", fails);

    let shown = world.post(PATH, &fails).await.with(200);

    assert_eq!(shown["alerts"][0]["title"], "db is broken");
    assert_eq!(shown["alerts"][0]["problems"].as_array().unwrap().len(), 1);
    let large = json!({ "title": "x".repeat(600 * 1024) });
    let cases = [
        (trial("name", json!("neither")), "payload"),
        (trial("payload", json!("a text")), "payload"),
        (trial("payload", large), "payload"),
        (trial("alert_source_id", json!("x")), "alert_source_id"),
        (
            changed(&trial("alert_source_id", source["id"].clone()), "/source_type", json!("sentry")),
            "source_type",
        ),
        (
            changed(&trial("payload", json!({})), "/template/title", json!({ "reference": "no" })),
            "template.title.reference",
        ),
    ];
    for (asked, field) in cases {
        let answer = world.post(PATH, &asked).await;
        if answer.status == 413 {
            continue;
        }
        assert_eq!(answer.refused(422), field, "{field}");
    }
    world.post(PATH, &trial("alert_source_id", other["alert_source"]["id"].clone())).await.refused(404);
}

#[tokio::test]
async fn preview_calls_nothing_that_writes() {
    let world = World::new().await;
    let (source, ..) = routed(&world).await;
    world.deliver(&source, &event("db", "firing")).await;
    let counts = Arc::new(Counts::default());
    let wire = Arc::new(CountingBackend::new(world.embedded.backend(), counts.clone()));
    let Context { random, .. } = &world.context;
    let store = Store::new(embedded::dynamodb(wire), embedded::TABLE, Arc::new(Silent));
    let source: SourceId = id(&source).parse().unwrap();
    let template = Template { title: Binding::text("{{ alert.title }}!".to_owned()), ..Template::default() };
    let payload = serde_json::value::to_raw_value(&event("db", "firing")).unwrap();

    for payload in [Some(payload), None] {
        let kind = Some(SourceKind("http".to_owned()));
        let intake = Default::default();
        let trial =
            PreviewRequest { kind, template: template.clone(), intake, source: Some(source), payload };
        let by = Actor::system(world.org, "test");
        let previewed = preview(&store, &by, trial, random, world.context.now()).await.unwrap();
        assert_eq!(previewed[0].body.title, "db is broken!");
    }

    let called: Vec<String> =
        counts.snapshot().requests.into_keys().map(|(_, operation)| operation).collect();
    assert_eq!(called, ["GetItem", "Query"]);
}
