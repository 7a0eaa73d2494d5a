//! Expressions, texts with places, priorities and merging: from the request of a client to the alert.

use serde_json::{Value, json};

use crate::world::{World, changed, event, id, source_of};

/// Makes an attribute.
async fn attribute(world: &World, name: &str, kind: &str, array: bool) -> String {
    let sent = json!({ "name": name, "type": kind, "array": array, "required": false });
    id(&world.post("/v2/alert_attributes", &sent).await.with(201)["alert_attribute"])
}

/// A source that is good, with fields of its template changed.
fn source(kind: &str, template: &[(&str, Value)]) -> Value {
    template.iter().fold(source_of(kind), |source, (field, value)| {
        changed(&source, &format!("/template/{field}"), value.clone())
    })
}

async fn made(world: &World, source: &Value) -> Value {
    world.post("/v2/alert_sources", source).await.with(200)["alert_source"].clone()
}

/// The alerts of a source.
async fn alerts(world: &World, source: &Value) -> Vec<Value> {
    let path = format!("/v2/alerts?alert_source[one_of]={}", id(source));
    world.get(&path).await.with(200)["alerts"].as_array().unwrap().clone()
}

/// The value that a source's only alert has for an attribute.
async fn said(world: &World, source: &Value, attribute: &str) -> Vec<String> {
    let alerts = alerts(world, source).await;
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    let all = alerts[0]["attributes"].as_array().unwrap();
    let Some(said) = all.iter().find(|said| said["attribute"]["id"] == *attribute) else { return vec![] };
    let one = said["value"]["literal"].as_str();
    let several =
        said["array_value"].as_array().into_iter().flatten().filter_map(|one| one["literal"].as_str());
    one.into_iter().chain(several).map(str::to_owned).collect()
}

/// An expression as incident.io's export has it.
fn team() -> Value {
    json!({
        "label": "Team", "reference": "the-team", "root_reference": "payload",
        "operations": [{ "operation_type": "parse", "parse": {
            "source": "$['metadata']['team']", "returns": { "type": "CatalogEntry[\"Team\"]", "array": false },
        } }],
    })
}

#[tokio::test]
async fn expressions_give_title_description_and_attributes() {
    let world = World::new().await;
    let (attribute, count) = (
        attribute(&world, "Team", "String", false).await,
        attribute(&world, "Letters", "Number", false).await,
    );
    let priority = json!({
        "label": "Urgency", "reference": "urgency", "root_reference": ".",
        "operations": [{ "operation_type": "branches", "branches": {
            "returns": { "type": "String", "array": false },
            "branches": [{
                "condition_groups": [{ "conditions": [{
                    "subject": "expressions[\"the-team\"]", "operation": "one_of",
                    "param_bindings": [{ "array_value": [{ "literal": "platform" }] }],
                }] }],
                "result": { "value": { "literal": "urgent" } },
            }],
        } }],
        "else_branch": { "result": { "value": { "literal": "whenever" } } },
    });
    let counted = json!({
        "label": "", "reference": "counted", "root_reference": "payload",
        "operations": [
            { "operation_type": "navigate", "navigate": { "reference": "metadata" } },
            { "operation_type": "count" },
        ],
    });
    let bound = |attribute: &str, reference: &str| {
        let reference = format!("expressions[\"{reference}\"]");
        json!({ "alert_attribute_id": attribute, "binding": { "value": { "reference": reference } } })
    };
    let sent = source(
        "http",
        &[
            ("expressions", json!([priority, team(), counted])),
            (
                "title",
                json!({ "literal": "{{ expressions.urgency|upper }}: {{ alert.title }} ({{ payload.metadata.team }})" }),
            ),
            ("description", json!({ "reference": "expressions[\"the-team\"]" })),
            ("attributes", json!([bound(&attribute, "the-team"), bound(&count, "counted")])),
        ],
    );

    let source = made(&world, &sent).await;
    world.deliver(&source, &event("db", "firing")).await;

    let shown = &source["template"]["expressions"];
    assert_eq!(shown[1]["returns"], json!({ "type": "CatalogEntry[\"Team\"]", "array": false }));
    assert_eq!(shown[2]["operations"][0]["returns"], json!({ "type": "Any", "array": false }));
    assert_eq!(
        shown[2]["operations"][0]["navigate"],
        json!({ "reference": "metadata", "reference_label": "metadata" })
    );
    assert_eq!(source["template"]["title"]["literal"], sent["template"]["title"]["literal"]);
    assert_eq!(
        world.get(&format!("/v2/alert_sources/{}", id(&source))).await.with(200)["alert_source"]["template"],
        source["template"]
    );
    let alert = alerts(&world, &source).await.remove(0);
    assert_eq!(alert["title"], "URGENT: db is broken (platform)");
    assert_eq!(alert["description"], "platform");
    assert_eq!(alert["problems"], Value::Null);
    assert_eq!(said(&world, &source, &attribute).await, ["platform"]);
    assert_eq!(said(&world, &source, &count).await, ["1"]);
}

#[tokio::test]
async fn rich_text_of_an_export_is_a_text_and_not_its_json() {
    let world = World::new().await;
    let place =
        |name: &str| json!({ "type": "varSpec", "attrs": { "label": "x", "missing": false, "name": name } });
    let document = json!({ "type": "doc", "content": [{ "type": "paragraph", "content": [
        place("title"), { "type": "text", "text": " of " }, place("expressions[\"the-team\"]"),
    ] }] });
    let literal = json!({ "literal": document.to_string() });
    let sent = source("http", &[("title", literal.clone()), ("expressions", json!([team()]))]);

    let source = made(&world, &sent).await;
    world.deliver(&source, &event("db", "firing")).await;

    assert_eq!(source["template"]["title"]["literal"], literal["literal"]);
    assert_eq!(alerts(&world, &source).await[0]["title"], "db is broken of platform");
}

#[tokio::test]
async fn expression_that_cannot_be_evaluated_is_refused_by_its_place() {
    let world = World::new().await;
    let (text, number) =
        (attribute(&world, "Team", "String", false).await, attribute(&world, "Cores", "Number", false).await);
    let operation = |operation: Value| json!([changed(&team(), "/operations", json!([operation]))]);
    let bound =
        |attribute: &str, binding: Value| json!([{ "alert_attribute_id": attribute, "binding": binding }]);
    let at = |place: &str| format!("template.expressions.0.operations.0.{place}");
    let cases: Vec<(&str, Value, String)> = vec![
        ("expressions", operation(json!({ "operation_type": "guess" })), at("operation_type")),
        ("expressions", operation(json!({ "operation_type": "navigate" })), at("navigate")),
        ("expressions", operation(json!({ "operation_type": "cast", "cast": {} })), at("cast.returns")),
        (
            "expressions",
            operation(json!({ "operation_type": "navigate", "navigate": { "reference": "a..b" } })),
            at("navigate.reference"),
        ),
        (
            "expressions",
            operation(json!({ "operation_type": "parse", "parse": {
                "source": "$.tags.map(x => x.name)", "returns": { "type": "String", "array": true } } })),
            at("parse.source"),
        ),
        (
            "expressions",
            operation(json!({ "operation_type": "parse", "parse": {
                "source": "a".repeat(100_000), "returns": { "type": "String", "array": true } } })),
            at("parse.source"),
        ),
        (
            "expressions",
            operation(json!({ "operation_type": "filter", "filter": { "condition_groups": [{ "conditions": [
                { "subject": "alert.nothing", "operation": "is_set", "param_bindings": [] }] }] } })),
            at("filter.condition_groups.0.conditions.0.subject"),
        ),
        ("title", json!({ "reference": "expressions[\"none\"]" }), "template.title.reference".to_owned()),
        ("title", json!({ "literal": "{{ alert.title" }), "template.title.literal".to_owned()),
        (
            "attributes",
            bound(&text, json!({ "value": { "reference": "expressions[\"none\"]" } })),
            "template.attributes.0.binding".to_owned(),
        ),
        (
            "attributes",
            bound(&number, json!({ "value": { "literal": "many" } })),
            "template.attributes.0.binding".to_owned(),
        ),
        (
            "attributes",
            bound(&text, json!({ "value": { "literal": "x" }, "merge_strategy": "guess" })),
            "template.attributes.0.binding.merge_strategy".to_owned(),
        ),
        (
            "attributes",
            bound(&text, json!({ "value": { "literal": "x" }, "merge_strategy": "append" })),
            "template.attributes.0.binding.merge_strategy".to_owned(),
        ),
        (
            "attributes",
            bound(&text, json!({ "value": { "literal": "x" }, "merge_strategy": "max" })),
            "template.attributes.0.binding.merge_strategy".to_owned(),
        ),
    ];
    for (field, value, place) in cases {
        let sent = source("http", &[(field, value.clone())]);
        assert_eq!(world.post("/v2/alert_sources", &sent).await.refused(422), place, "{value}");
        assert_eq!(
            world.post("/v2/alert_sources/actions/validate", &sent).await.refused(422),
            place,
            "{value}"
        );
    }
    let options: Vec<(&str, &str, Value, &str)> = vec![
        ("http", "http_custom_options", json!({}), "http_custom_options"),
        ("http_custom", "http_custom_options", json!("x"), "http_custom_options"),
        (
            "http_custom",
            "http_custom_options",
            json!({ "transform_expression": "return { title: $.title }" }),
            "http_custom_options.transform_expression",
        ),
        (
            "http_custom",
            "http_custom_options",
            json!({ "deduplication_key_path": "the id" }),
            "http_custom_options.deduplication_key_path",
        ),
        ("http", "priority", json!({ "default": "" }), "priority.default"),
        ("http", "priority", json!({ "mapping": { "high": 1 } }), "priority.mapping.high"),
    ];
    for (kind, field, value, place) in options {
        let sent = changed(&source_of(kind), &format!("/{field}"), value.clone());
        assert_eq!(world.post("/v2/alert_sources", &sent).await.refused(422), place, "{value}");
    }
}

#[tokio::test]
async fn words_of_the_sender_become_the_organisations_priority() {
    let world = World::new().await;
    let priority = json!({ "default": "P3", "mapping": { "Critical": "P1" } });
    let source = made(&world, &changed(&source_of("http"), "/priority", priority.clone())).await;
    let fire = async |key: &str, said: Value| {
        let event = changed(&event(key, "firing"), "/metadata", json!({ "priority": said }));
        world.deliver(&source, &event).await;
    };
    fire("a", json!("CRITICAL")).await;
    fire("b", Value::Null).await;
    fire("c", json!("odd")).await;

    assert_eq!(source["priority"], priority);
    let mut said: Vec<(Value, Value)> = alerts(&world, &source)
        .await
        .into_iter()
        .map(|alert| (alert["deduplication_key"].clone(), alert["priority"].clone()))
        .collect();
    said.sort_by_key(|(key, _)| key.to_string());
    assert_eq!(said, [(json!("a"), json!("P1")), (json!("b"), json!("P3")), (json!("c"), json!("odd"))]);
}

#[tokio::test]
async fn values_of_an_alert_that_repeats_are_merged_by_their_strategy() {
    let world = World::new().await;
    let mut bound = Vec::new();
    for (strategy, kind, array) in [
        ("first_wins", "String", false),
        ("last_wins", "String", false),
        ("append", "String", true),
        ("max", "Number", false),
        ("min", "Number", false),
    ] {
        let attribute = attribute(&world, strategy, kind, array).await;
        let binding =
            json!({ "value": { "reference": "payload.metadata.value" }, "merge_strategy": strategy });
        bound.push((attribute.clone(), json!({ "alert_attribute_id": attribute, "binding": binding })));
    }
    let attributes: Vec<Value> = bound.iter().map(|(_, bound)| bound.clone()).collect();
    let source = made(&world, &source("http", &[("attributes", json!(attributes))])).await;

    for value in ["5", "9", "2", "2"] {
        let event = changed(&event("db", "firing"), "/metadata", json!({ "value": value }));
        world.pass(1);
        world.deliver(&source, &event).await;
    }

    assert_eq!(source["template"]["attributes"][2]["binding"]["merge_strategy"], "append");
    let expected: [&[&str]; 5] = [&["5"], &["2"], &["5", "9", "2"], &["9"], &["2"]];
    for ((attribute, _), expected) in bound.iter().zip(expected) {
        assert_eq!(said(&world, &source, attribute).await, expected);
    }
}

#[tokio::test]
async fn required_attribute_that_is_missing_is_told_and_pages_nobody_once_more() {
    let world = World::new().await;
    let required = json!({ "name": "Team", "type": "String", "array": false, "required": true });
    let required = id(&world.post("/v2/alert_attributes", &required).await.with(201)["alert_attribute"]);
    let bound = json!([{ "alert_attribute_id": required, "binding": { "value": { "reference": "payload.metadata.team" } } }]);
    let source = made(&world, &source("http", &[("attributes", bound)])).await;

    world.deliver(&source, &changed(&event("db", "firing"), "/metadata", json!({ "none": 1 }))).await;

    let problems = alerts(&world, &source).await[0]["problems"].clone();
    assert_eq!(
        problems,
        json!(["the alert attribute `Team` is required, but the alert has no value for it"])
    );
}

#[tokio::test]
async fn custom_source_reads_its_senders_words_as_the_customer_says() {
    let world = World::new().await;
    let options = json!({
        "deduplication_key_path": "$.check.id",
        "transform_expression": "{\"title\": payload.check.name ~ ' is ' ~ payload.result, \"metadata\": {\"team\": payload.owner}, \
            \"status\": \"resolved\" if payload.result == \"fine\" else \"firing\"}",
    });
    let sent = changed(&source_of("http_custom"), "/http_custom_options", options.clone());
    let source = made(&world, &sent).await;
    let check =
        |result: &str| json!({ "check": { "id": 7, "name": "Mail" }, "result": result, "owner": "post" });

    world.deliver(&source, &check("late")).await;
    let firing = alerts(&world, &source).await;
    world.deliver(&source, &check("fine")).await;
    let over = alerts(&world, &source).await;

    assert_eq!(source["http_custom_options"], options);
    assert_eq!(firing.len(), 1);
    assert_eq!((&firing[0]["title"], &firing[0]["status"]), (&json!("Mail is late"), &json!("firing")));
    assert_eq!(firing[0]["deduplication_key"], "7");
    assert_eq!((over.len(), &over[0]["status"]), (1, &json!("resolved")));
}
