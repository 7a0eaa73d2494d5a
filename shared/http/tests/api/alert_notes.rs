//! What people say of alerts, and which incidents they belong to.

use serde_json::{Value, json};

use crate::world::{World, event, id, route_of};

/// The alerts of a world in which each opens an incident.
async fn world_of(keys: &[&str]) -> (World, Vec<String>) {
    let world = World::new().await;
    let (source, user) = (world.source().await, world.person("ada").await);
    let path = world.path(&user).await;
    world.post("/v2/alert_routes", &route_of(&id(&source), &path)).await.with(201);
    for key in keys {
        world.deliver(&source, &event(key, "firing")).await;
        world.pass(1);
    }
    let listed = world.get("/v2/alerts").await.with(200)["alerts"].clone();
    (world, listed.as_array().unwrap().iter().rev().map(id).collect())
}

fn titles(listed: &Value) -> Vec<&str> {
    listed["alerts"].as_array().unwrap().iter().map(|alert| alert["title"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn notes_and_tags_are_kept_shown_and_filtered_by() {
    let (world, alerts) = world_of(&["db", "web"]).await;
    let path = format!("/v2/alerts/{}", alerts[0]);

    let note = world
        .post("/v2/alert_notes", &json!({ "alert_id": alerts[0], "text": " The old backup again.\n" }))
        .await
        .with(201);
    assert_eq!(note["alert_note"]["text"], "The old backup again.");
    assert!(note["alert_note"]["creator"]["api_key"]["id"].is_string(), "{note}");
    world.pass(1);
    world.post("/v2/alert_notes", &json!({ "alert_id": alerts[0], "text": "Deleted it." })).await.with(201);
    let listed = world.get(&format!("/v2/alert_notes?alert_id={}", alerts[0])).await.with(200);
    let texts: Vec<_> =
        listed["alert_notes"].as_array().unwrap().iter().map(|note| note["text"].clone()).collect();
    assert_eq!(texts, ["Deleted it.", "The old backup again."]);

    let tagged = world
        .post(&format!("{path}/actions/set_tags"), &json!({ "tags": ["Backup", " backup", "db"] }))
        .await;
    let tags = tagged.with(200)["alert"]["tags"].clone();
    assert_eq!(
        tags.as_array().unwrap().iter().map(|tag| tag["name"].clone()).collect::<Vec<_>>(),
        ["Backup", "db"]
    );
    // What is shown can be sent again, as a client does that changes one of them.
    let again =
        world.post(&format!("/v2/alerts/{}/actions/set_tags", alerts[1]), &json!({ "tags": tags })).await;
    assert_eq!(again.with(200)["alert"]["tags"], tags);
    world
        .post(&format!("/v2/alerts/{}/actions/set_tags", alerts[1]), &json!({ "tags": ["web"] }))
        .await
        .with(200);
    let shown = world.get(&path).await.with(200)["alert"].clone();
    assert_eq!((&shown["note_count"], &shown["tags"]), (&json!(2), &tags));

    for (query, expected) in [
        ("has_notes[is]=true", vec!["db is broken"]),
        ("has_notes[is]=false", vec!["web is broken"]),
        ("tags[one_of]=db&tags[one_of]=web", vec!["web is broken", "db is broken"]),
        ("tags[all_of]=db&tags[all_of]=Backup", vec!["db is broken"]),
        ("tags[all_of]=db&tags[all_of]=web", vec![]),
        ("tags[not_in]=web", vec!["db is broken"]),
    ] {
        assert_eq!(titles(&world.get(&format!("/v2/alerts?{query}")).await.with(200)), expected, "{query}");
    }

    // Resolving changes neither.
    world.post(&format!("{path}/actions/resolve"), &json!({})).await.with(200);
    let shown = world.get(&path).await.with(200)["alert"].clone();
    assert_eq!(
        (&shown["status"], &shown["note_count"], &shown["tags"]),
        (&json!("resolved"), &json!(2), &tags)
    );
}

#[tokio::test]
async fn notes_and_tags_that_cannot_be_kept_are_refused() {
    let (world, alerts) = world_of(&["db"]).await;
    let path = format!("/v2/alerts/{}", alerts[0]);
    for (text, field) in [(json!("  "), "text"), (json!("x".repeat(10_001)), "text"), (json!(null), "text")] {
        assert_eq!(
            world.post("/v2/alert_notes", &json!({ "alert_id": alerts[0], "text": text })).await.refused(422),
            field
        );
    }
    let many: Vec<String> = (0..21).map(|n| n.to_string()).collect();
    for tags in [json!(many), json!(["x".repeat(51)])] {
        let asked = json!({ "tags": tags });
        assert_eq!(world.post(&format!("{path}/actions/set_tags"), &asked).await.refused(422), "tags");
    }
}

#[tokio::test]
async fn alert_belongs_to_one_incident_and_can_be_moved_by_hand() {
    let (world, alerts) = world_of(&["db", "web"]).await;
    let all = world.get("/v2/incident_alerts?page_size=50").await.with(200);
    let relations = all["incident_alerts"].as_array().unwrap();
    assert_eq!(relations.len(), 2);
    let incidents: Vec<String> = relations.iter().rev().map(|one| id(&one["incident"])).collect();
    let of = async |incident: &str| {
        let listed =
            world.get(&format!("/v2/incident_alerts?page_size=50&incident_id={incident}")).await.with(200);
        listed["incident_alerts"].as_array().unwrap().iter().map(|one| id(&one["alert"])).collect::<Vec<_>>()
    };
    assert_eq!(of(&incidents[0]).await, [alerts[0].clone()]);
    let relate =
        |again: bool| json!({ "alert_id": alerts[1], "incident_id": incidents[0], "re_relate": again });

    assert_eq!(world.post("/v2/incident_alerts", &relate(true)).await.status, 409, "it belongs to another");
    let own = format!("/v2/incident_alerts/{}-{}/actions/transition", incidents[1], alerts[1]);
    world.post(&own, &json!({ "state": "unrelated" })).await.with(200);
    world.post(&own, &json!({ "state": "unrelated" })).await.with(200);
    assert_eq!(of(&incidents[1]).await, [] as [String; 0]);

    let related = world.post("/v2/incident_alerts", &relate(false)).await.with(201)["incident_alert"].clone();
    assert_eq!((id(&related["alert"]), id(&related["incident"])), (alerts[1].clone(), incidents[0].clone()));
    assert_eq!(world.post("/v2/incident_alerts", &relate(false)).await.with(201)["incident_alert"], related);
    assert_eq!(of(&incidents[0]).await, [alerts[1].clone(), alerts[0].clone()]);
    let one = world.get(&format!("/v2/incident_alerts?page_size=1&alert_id={}", alerts[1])).await.with(200);
    assert_eq!(one["incident_alerts"], json!([related]));

    // A page at a time.
    let query = format!("/v2/incident_alerts?page_size=1&incident_id={}", incidents[0]);
    let first = world.get(&query).await.with(200);
    let after = first["pagination_meta"]["after"].as_str().unwrap().to_owned();
    let second = world.get(&format!("{query}&after={after}")).await.with(200);
    assert_eq!(id(&second["incident_alerts"][0]["alert"]), alerts[0]);
    assert_eq!(second["pagination_meta"].get("after"), None);

    // What was taken out comes back only if the request asks for it.
    let there = format!("/v2/incident_alerts/{}/actions/transition", id(&related));
    world.post(&there, &json!({ "state": "unrelated" })).await.with(200);
    assert_eq!(world.post("/v2/incident_alerts", &relate(false)).await.status, 409);
    world.post("/v2/incident_alerts", &relate(true)).await.with(201);
    assert_eq!(of(&incidents[0]).await.len(), 2);
}

#[tokio::test]
async fn relations_that_cannot_be_are_refused() {
    let (world, alerts) = world_of(&["db"]).await;
    let nobody = "01FCNDV6P870EA6S7TK1DSYDG0";
    let cases = [
        (json!({ "alert_id": nobody, "incident_id": nobody }), "incident_id"),
        (json!({ "alert_id": alerts[0], "incident_id": nobody }), "incident_id"),
        (json!({ "alert_id": "x", "incident_id": nobody }), "alert_id"),
        (json!({ "incident_id": nobody }), "alert_id"),
    ];
    for (asked, field) in cases {
        assert_eq!(world.post("/v2/incident_alerts", &asked).await.refused(422), field, "{asked}");
    }
    let path = format!("/v2/incident_alerts/{nobody}-{}/actions/transition", alerts[0]);
    assert_eq!(world.post(&path, &json!({ "state": "unrelated" })).await.status, 404);
    assert_eq!(
        world.post("/v2/incident_alerts/x/actions/transition", &json!({ "state": "related" })).await.status,
        404
    );
    for query in ["incident_id=x", "alert_id=x", "after=x", "page_size=0"] {
        assert_eq!(world.get(&format!("/v2/incident_alerts?{query}")).await.status, 422, "{query}");
    }
}
