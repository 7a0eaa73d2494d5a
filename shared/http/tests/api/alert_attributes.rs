//! Attributes of alerts: bound by their source, read at opening and again when the alert says something else.

use serde_json::{Value, json};

use crate::world::{World, changed, id, source_of};

/// Makes an attribute.
async fn attribute(world: &World, name: &str, kind: &str, array: bool) -> Value {
    let sent = json!({ "name": name, "type": kind, "array": array, "required": false });
    world.post("/v2/alert_attributes", &sent).await.with(201)["alert_attribute"].clone()
}

/// A source that binds attributes.
async fn source(world: &World, attributes: &Value) -> Value {
    let sent = changed(&source_of("http"), "/template/attributes", attributes.clone());
    world.post("/v2/alert_sources", &sent).await.with(200)["alert_source"].clone()
}

/// Fires an alert with these metadata, and shows it.
async fn alert(world: &World, source: &Value, metadata: &Value) -> Value {
    let event = json!({
        "title": "Disk full", "status": "firing", "deduplication_key": "k", "metadata": metadata,
    });
    world.deliver(source, &event).await;
    world.handle().await;
    let alerts = world.get(&format!("/v2/alerts?alert_source[one_of]={}", id(source))).await.with(200);
    let alert = alerts["alerts"][0].clone();
    assert_eq!(world.get(&format!("/v2/alerts/{}", id(&alert))).await.with(200)["alert"], alert);
    alert
}

#[tokio::test]
async fn attributes_are_bound_to_literals_fields_and_the_payload() {
    let world = World::new().await;
    let team = attribute(&world, "Team", "String", false).await;
    let cores = attribute(&world, "Cores", "Number", false).await;
    let tags = attribute(&world, "Tags", "String", true).await;
    let absent = attribute(&world, "Absent", "String", false).await;
    let bound = json!([
        { "alert_attribute_id": id(&team), "binding": { "value": { "reference": "payload.metadata.team" } } },
        { "alert_attribute_id": id(&cores), "binding": { "value": { "literal": "8" } } },
        { "alert_attribute_id": id(&tags), "binding": { "array_value": [
            { "literal": "all" }, { "reference": "payload.metadata.tags" }, { "reference": "alert.status" },
        ] } },
        { "alert_attribute_id": id(&absent), "binding": { "value": { "reference": "payload.nowhere" } } },
    ]);

    let source = source(&world, &bound).await;
    let alert = alert(&world, &source, &json!({ "team": "shop", "tags": ["a", "b"] })).await;

    let shown = &source["template"]["attributes"];
    assert_eq!(shown[0]["alert_attribute_id"], team["id"]);
    assert_eq!(shown[0]["binding"]["value"]["reference"], "payload.metadata.team");
    let said = |text: &str| json!({ "literal": text, "label": text });
    assert_eq!(
        alert["attributes"],
        json!([
            { "attribute": team, "value": said("shop") },
            { "attribute": cores, "value": said("8") },
            { "attribute": tags, "array_value": [said("all"), said("a"), said("b"), said("firing")] },
        ])
    );
    assert!(alert.get("problems").is_none(), "{alert}");
}

#[tokio::test]
async fn attribute_is_read_again_when_the_alert_says_something_else() {
    let world = World::new().await;
    let team = attribute(&world, "Team", "String", false).await;
    let bound = json!([
        { "alert_attribute_id": id(&team), "binding": { "value": { "reference": "payload.metadata.team" } } },
    ]);
    let source = source(&world, &bound).await;

    let first = alert(&world, &source, &json!({ "team": "shop" })).await;
    world.pass(60);
    let again = alert(&world, &source, &json!({ "team": "platform" })).await;

    assert_eq!(first["id"], again["id"]);
    assert_eq!(first["attributes"][0]["value"]["literal"], "shop");
    assert_eq!(again["attributes"][0]["value"]["literal"], "platform");
}

#[tokio::test]
async fn attribute_that_fails_is_told_of_and_the_alert_is_handled_without_it() {
    let world = World::new().await;
    let cores = attribute(&world, "Cores", "Number", false).await;
    let gone = attribute(&world, "Gone", "String", false).await;
    let bound = json!([
        { "alert_attribute_id": id(&cores), "binding": { "value": { "reference": "payload.metadata.cores" } } },
        { "alert_attribute_id": id(&gone), "binding": { "value": { "literal": "x" } } },
    ]);
    let source = source(&world, &bound).await;
    world.delete(&format!("/v2/alert_attributes/{}", id(&gone))).await.with(204);

    let alert = alert(&world, &source, &json!({ "cores": "many" })).await;

    assert_eq!(alert["attributes"], json!([]));
    let problems = alert["problems"].as_array().unwrap();
    assert_eq!(problems[0], "alert attribute `Cores`: `many` is not a number");
    assert!(problems[1].as_str().unwrap().ends_with("no longer exists"), "{problems:?}");
    let escalations = world.get(&format!("/v2/escalations?alert[one_of]={}", id(&alert))).await.with(200);
    assert_eq!(escalations["escalations"][0]["status"], "triggered", "a page goes out all the same");
}

#[tokio::test]
async fn several_values_are_for_attributes_that_have_several() {
    let world = World::new().await;
    let team = attribute(&world, "Team", "String", false).await;
    let several = json!({ "array_value": [{ "literal": "a" }, { "literal": "b" }] });
    let both = json!({ "value": { "literal": "a" }, "array_value": [{ "literal": "b" }] });
    let empty = json!({ "value": { "literal": "a", "reference": "alert.title" } });

    for (binding, field) in [
        (several, "template.attributes.0.binding.array_value"),
        (both, "template.attributes.0.binding"),
        (empty, "template.attributes.0.binding.value"),
    ] {
        let bound = json!([{ "alert_attribute_id": id(&team), "binding": binding }]);
        let sent = changed(&source_of("http"), "/template/attributes", bound);
        assert_eq!(world.post("/v2/alert_sources", &sent).await.refused(422), field);
        assert_eq!(world.post("/v2/alert_sources/actions/validate", &sent).await.refused(422), field);
    }
}

#[tokio::test]
async fn alerts_of_before_are_read_again_when_that_is_asked_for() {
    let world = World::new().await;
    let team = attribute(&world, "Team", "String", false).await;
    let bound = |reference: &str| {
        let binding = json!({ "value": { "reference": reference } });
        json!([{ "alert_attribute_id": id(&team), "binding": binding }])
    };
    let source = source(&world, &json!([])).await;
    let before = alert(&world, &source, &json!({ "team": "shop" })).await;
    assert_eq!(before["attributes"], json!([]));
    let path = format!("/v2/alert_sources/{}", id(&source));
    let backfill = format!("{path}/actions/backfill");
    assert_eq!(world.post(&backfill, &json!({})).await.refused(422), "template.attributes");
    let sent = changed(&source_of("http"), "/template/attributes", bound("payload.metadata.team"));
    world.put(&path, &sent).await.with(200);

    let begun = world.post(&backfill, &json!({})).await.with(202)["backfill"].clone();
    assert_eq!((&begun["status"], &begun["alerts_read"]), (&json!("running"), &json!(0)));
    let which = (world.org, id(&source).parse().unwrap());
    let (store, rules) = (&world.context.store, app::Rules::new(world.context.store.clone()));
    app::source::backfill::step(store, &rules, which, world.context.now()).await.unwrap();

    let shown = world.get(&path).await.with(200)["alert_source"]["backfill"].clone();
    assert_eq!((&shown["status"], &shown["alerts_changed"]), (&json!("done"), &json!(1)), "{shown}");
    assert!(shown["through"].is_string(), "{shown}");
    let after = world.get(&format!("/v2/alerts/{}", id(&before))).await.with(200)["alert"].clone();
    assert_eq!(after["attributes"][0]["value"]["literal"], "shop");
}
