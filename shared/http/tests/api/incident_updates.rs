//! Edits of incidents, and their updates.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::world::{World, id};

/// An incident, opened.
async fn opened(world: &World) -> Value {
    let body =
        json!({ "idempotency_key": "first", "visibility": "public", "name": "Sad", "summary": "Very" });
    world.post("/v2/incidents", &body).await.with(200)["incident"].clone()
}

/// The ids of a list, by their names.
async fn named(world: &World, path: &str, many: &str, name: &str) -> String {
    let all = world.get(path).await.with(200)[many].clone();
    id(all.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap())
}

async fn severity(world: &World, name: &str) -> String {
    named(world, "/v1/severities", "severities", name).await
}

async fn status(world: &World, name: &str) -> String {
    named(world, "/v1/incident_statuses", "incident_statuses", name).await
}

fn edit_of(incident: &Value) -> Value {
    json!({ "incident": incident, "notify_incident_channel": false })
}

async fn edit(world: &World, incident: &Value, change: &Value) -> Value {
    let path = format!("/v2/incidents/{}/actions/edit", id(incident));
    world.post(&path, &edit_of(change)).await.with(200)["incident"].clone()
}

async fn updates(world: &World, incident: &Value) -> Vec<Vec<Value>> {
    let path = format!("/v2/incident_updates?incident_id={}&page_size=2", id(incident));
    world.pages(&path, "incident_updates").await
}

#[tokio::test]
async fn edit_changes_what_was_sent_and_nothing_else() {
    let world = World::new().await;
    let (incident, ada) = (opened(&world).await, world.person("ada").await);
    let lead = named(&world, "/v2/incident_roles", "incident_roles", "Incident Lead").await;
    let resolved = named(&world, "/v2/incident_timestamps", "incident_timestamps", "Resolved at").await;
    let (major, closed) = (severity(&world, "Major").await, status(&world, "Closed").await);
    world.pass(60);

    let same = edit(&world, &incident, &json!({})).await;
    assert_eq!(same, incident, "an edit of nothing changes nothing");
    let named = edit(&world, &incident, &json!({ "name": "Sadder" })).await;
    assert_eq!((&named["name"], &named["summary"]), (&json!("Sadder"), &json!("Very")));
    assert_ne!(named["updated_at"], incident["updated_at"]);
    let edited = edit(&world, &incident, &json!({
        "summary": "",
        "severity_id": major,
        "incident_status_id": closed,
        "custom_field_entries": [],
        "incident_role_assignments": [{ "incident_role_id": lead, "assignee": { "email": "ada@home.example" } }],
        "incident_timestamp_values": [{ "incident_timestamp_id": resolved, "value": "2027-01-15T07:00:00Z" }],
    }))
    .await;

    assert_eq!(edited["name"], "Sadder");
    assert!(edited.get("summary").is_none(), "{edited}");
    assert_eq!(edited["severity"]["name"], "Major");
    assert_eq!(edited["incident_status"]["category"], "closed");
    let [assigned] = &edited["incident_role_assignments"].as_array().unwrap()[..] else { panic!("{edited}") };
    assert_eq!((&assigned["role"]["id"], &assigned["assignee"]["id"]), (&json!(lead), &json!(ada)));
    let stamps = edited["incident_timestamp_values"].as_array().unwrap();
    let stamp = |name: &str| stamps.iter().find(|one| one["incident_timestamp"]["name"] == name).unwrap();
    assert_eq!(stamp("Resolved at")["value"]["value"], "2027-01-15T07:00:00Z");
    assert_eq!(stamp("Closed at")["value"]["value"], edited["updated_at"]);
    assert_eq!(stamp("Reported at")["value"]["value"], incident["created_at"]);
    assert!(stamp("Dismissed at").get("value").is_none());
    let freed = json!({ "incident_role_assignments": [{ "incident_role_id": lead }] });
    assert_eq!(edit(&world, &incident, &freed).await["incident_role_assignments"], json!([]));
    let shown = world.get(&format!("/v2/incidents/{}", id(&incident))).await.with(200)["incident"].clone();
    assert_eq!((&shown["severity"], &shown["name"]), (&edited["severity"], &edited["name"]));
}

#[tokio::test]
async fn edit_that_cannot_be_honoured_changes_nothing_and_is_refused_by_field() {
    let world = World::new().await;
    let incident = opened(&world).await;
    let path = format!("/v2/incidents/{}/actions/edit", id(&incident));
    let nothing = "01FCNDV6P870EA6S7TK1DSYDG0";
    let lead = named(&world, "/v2/incident_roles", "incident_roles", "Incident Lead").await;
    let other =
        world.ask(&world.other, http::Method::GET, "/v2/users", None).await.with(200)["users"][0].clone();
    let assign = |role: &str, assignee: Value| json!([{ "incident_role_id": role, "assignee": assignee }]);

    for (field, value, at) in [
        ("name", json!("  "), ""),
        ("severity_id", json!(nothing), ""),
        ("severity_id", json!("x"), ""),
        ("incident_status_id", json!(nothing), ""),
        ("custom_field_entries", json!([{ "custom_field_id": nothing, "values": [] }]), ""),
        ("incident_role_assignments", assign(nothing, json!({})), ".0.incident_role_id"),
        ("incident_role_assignments", assign(&lead, json!({ "id": nothing })), ".0.assignee.id"),
        ("incident_role_assignments", assign(&lead, json!({ "id": other["id"] })), ".0.assignee.id"),
        ("incident_role_assignments", assign(&lead, json!({ "email": other["email"] })), ".0.assignee.email"),
        (
            "incident_role_assignments",
            assign(&lead, json!({ "slack_user_id": "U1" })),
            ".0.assignee.slack_user_id",
        ),
        (
            "incident_timestamp_values",
            json!([{ "incident_timestamp_id": nothing }]),
            ".0.incident_timestamp_id",
        ),
    ] {
        let answer = world.post(&path, &edit_of(&json!({ field: value, "summary": "changed" }))).await;
        assert_eq!(answer.refused(422), format!("incident.{field}{at}"), "{value}");
    }
    assert_eq!(world.post(&path, &json!({ "incident": {} })).await.refused(422), "notify_incident_channel");
    let declined = json!({ "incident_status_id": status(&world, "Declined").await });
    world.post(&path, &edit_of(&declined)).await.refused(409);
    let shown = world.get(&format!("/v2/incidents/{}", id(&incident))).await.with(200)["incident"].clone();
    assert_eq!(shown, incident);
}

#[tokio::test]
async fn each_change_of_status_or_severity_is_an_update_and_other_changes_are_none() {
    let world = World::new().await;
    let incident = opened(&world).await;
    let (minor, closed) = (severity(&world, "Minor").await, status(&world, "Closed").await);
    assert_eq!(updates(&world, &incident).await, [Vec::<Value>::new()]);

    edit(&world, &incident, &json!({ "severity_id": minor })).await;
    for n in 0..5 {
        edit(&world, &incident, &json!({ "name": format!("Name {n}") })).await;
    }
    let message = json!({ "idempotency_key": "k", "incident_id": incident["id"], "message": "We know why" });
    let shared = world.post("/v2/incident_updates", &message).await.with(201)["incident_update"].clone();
    edit(&world, &incident, &json!({ "incident_status_id": closed })).await;

    let pages = updates(&world, &incident).await;
    let told = |one: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        [&one["new_incident_status"]["name"], &one["new_severity"]["name"], &one["message"]].map(text)
    };
    assert_eq!(
        pages.concat().iter().map(told).collect::<Vec<_>>(),
        [["Closed", "Minor", "-"], ["Active", "Minor", "We know why"], ["Active", "Minor", "-"]]
    );
    assert_eq!(pages[0][1], shared);
    assert_eq!(pages[0].len(), 2, "{pages:?}");
    assert_eq!(shared["updater"]["api_key"]["name"], "first key");
    assert_eq!(shared["incident_id"], incident["id"]);
    let ids: std::collections::BTreeSet<String> = pages.concat().iter().map(id).collect();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn updates_of_all_incidents_are_listed_newest_first_through_every_month_and_page() {
    let world = World::new().await;
    let one = opened(&world).await;
    let other = json!({ "idempotency_key": "second", "visibility": "public", "name": "Other" });
    let other = world.post("/v2/incidents", &other).await.with(200)["incident"].clone();
    assert_eq!(world.pages("/v2/incident_updates", "incident_updates").await, [Vec::<Value>::new()]);
    let mut expected = Vec::new();
    for n in 0..7 {
        let incident = if n % 2 == 0 { &one } else { &other };
        let body = json!({
            "idempotency_key": format!("k{n}"), "incident_id": incident["id"], "message": format!("Update {n}"),
        });
        let shared = world.post("/v2/incident_updates", &body).await.with(201)["incident_update"].clone();
        assert_eq!(world.post("/v2/incident_updates", &body).await.with(201)["incident_update"], shared);
        edit(&world, incident, &json!({ "name": format!("Name {n}") })).await;
        expected.insert(0, shared);
        world.pass(20 * 24 * 3600);
    }

    let pages = world.pages("/v2/incident_updates?page_size=2", "incident_updates").await;

    assert_eq!(pages.concat(), expected);
    assert!(pages.iter().all(|page| page.len() <= 2), "{pages:?}");
    let theirs = world.ask(&world.other, http::Method::GET, "/v2/incident_updates", None).await;
    assert_eq!(theirs.with(200)["incident_updates"], json!([]));
}

#[tokio::test]
async fn same_key_shares_an_update_once_even_at_the_same_moment() {
    let world = World::new().await;
    let incident = opened(&world).await;
    let (critical, paused) = (severity(&world, "Critical").await, status(&world, "Paused").await);
    let body = json!({
        "idempotency_key": "k",
        "incident_id": incident["id"],
        "message": "It rests",
        "to_severity_id": critical,
        "to_incident_status_id": paused,
    });

    let answers = join_all((0..6).map(|_| world.post("/v2/incident_updates", &body))).await;

    let shared: Vec<Value> =
        answers.into_iter().map(|one| one.with(201)["incident_update"].clone()).collect();
    assert!(shared.iter().all(|one| *one == shared[0]), "{shared:?}");
    assert_eq!(updates(&world, &incident).await.concat(), [shared[0].clone()]);
    let shown = world.get(&format!("/v2/incidents/{}", id(&incident))).await.with(200)["incident"].clone();
    assert_eq!(shown["incident_status"]["category"], "paused");
    assert_eq!(shown["severity"]["name"], "Critical");
}

#[tokio::test]
async fn update_that_cannot_be_honoured_is_refused_by_field() {
    let world = World::new().await;
    let incident = opened(&world).await;
    let nothing = json!("01FCNDV6P870EA6S7TK1DSYDG0");
    let body = json!({ "idempotency_key": "k", "incident_id": incident["id"], "message": "x" });

    for (field, value) in [
        ("idempotency_key", json!("")),
        ("incident_id", nothing.clone()),
        ("incident_id", json!("x")),
        ("message", json!("")),
        ("message", json!("x".repeat(16 * 1024 + 1))),
        ("to_severity_id", nothing.clone()),
        ("to_incident_status_id", nothing.clone()),
    ] {
        let mut wrong = body.clone();
        wrong[field] = value;
        assert_eq!(world.post("/v2/incident_updates", &wrong).await.refused(422), field);
    }
    let path = format!("/v2/incident_updates?incident_id={}", id(&incident));
    assert_eq!(world.get(&format!("{path}&page_size=251")).await.refused(422), "page_size");
    let theirs = world.ask(&world.other, http::Method::GET, &path, None).await;
    assert_eq!(theirs.refused(422), "incident_id");
    let theirs = world.ask(&world.other, http::Method::POST, "/v2/incident_updates", Some(&body)).await;
    assert_eq!(theirs.refused(422), "incident_id");
    assert_eq!(updates(&world, &incident).await.concat(), Vec::<Value>::new());
}

#[tokio::test]
async fn edits_at_the_same_moment_all_take_place() {
    let world = World::new().await;
    let incident = opened(&world).await;
    let major = severity(&world, "Major").await;

    join_all([
        edit(&world, &incident, &json!({ "name": "Renamed" })),
        edit(&world, &incident, &json!({ "summary": "Told" })),
        edit(&world, &incident, &json!({ "severity_id": major })),
    ])
    .await;

    let shown = world.get(&format!("/v2/incidents/{}", id(&incident))).await.with(200)["incident"].clone();
    assert_eq!((&shown["name"], &shown["summary"]), (&json!("Renamed"), &json!("Told")));
    assert_eq!(shown["severity"]["name"], "Major");
}

#[tokio::test]
async fn incident_opened_again_was_not_resolved() {
    let world = World::new().await;
    let incident = opened(&world).await;
    for name in ["Closed", "Active"] {
        edit(&world, &incident, &json!({ "incident_status_id": status(&world, name).await })).await;
    }

    let shown = world.get(&format!("/v2/incidents/{}", id(&incident))).await.with(200)["incident"].clone();

    let stamps = shown["incident_timestamp_values"].as_array().unwrap();
    let reached = stamps.iter().filter(|one| one.get("value").is_some());
    let reached: Vec<&Value> = reached.map(|one| &one["incident_timestamp"]["name"]).collect();
    assert_eq!(reached, ["Reported at", "Accepted at"]);
}

#[tokio::test]
async fn incidents_are_listed_by_severity_and_status() {
    let world = World::new().await;
    let incident = opened(&world).await;
    let other = json!({ "idempotency_key": "second", "visibility": "public" });
    world.post("/v2/incidents", &other).await.with(200);
    let (major, paused) = (severity(&world, "Major").await, status(&world, "Paused").await);
    edit(&world, &incident, &json!({ "severity_id": major, "incident_status_id": paused })).await;

    for (field, value) in [("severity", major), ("status", paused)] {
        let path = format!("/v2/incidents?{field}[one_of]={value}");
        let found = world.pages(&path, "incidents").await.concat();
        assert_eq!(found.iter().map(id).collect::<Vec<_>>(), [id(&incident)], "{field}");
    }
}
