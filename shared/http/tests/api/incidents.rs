//! Incidents.

use serde_json::{Value, json};

use crate::world::{World, changed, event, id, route_of};

fn incident(key: &str) -> Value {
    json!({
        "idempotency_key": key,
        "visibility": "public",
        "name": "Database is sad",
        "summary": "Really, really sad",
        "mode": "standard",
        "custom_field_entries": [],
    })
}

#[tokio::test]
async fn incident_comes_back_as_it_was_sent_by_id_number_and_reference() {
    let world = World::new().await;

    let made = world.post("/v2/incidents", &incident("k")).await.with(200)["incident"].clone();

    for field in ["name", "summary", "visibility", "mode", "custom_field_entries"] {
        assert_eq!(made[field], incident("k")[field], "{field}");
    }
    assert_eq!((&made["reference"], &made["incident_status"]["category"]), (&json!("INC-1"), &json!("live")));
    assert_eq!(made["creator"]["api_key"]["name"], "first key");
    assert_eq!(made["permalink"], "http://firebell.example/incidents/1");
    assert!(made.get("severity").is_none());
    for name in [id(&made).as_str(), "1", "INC-1"] {
        assert_eq!(world.get(&format!("/v2/incidents/{name}")).await.with(200)["incident"], made, "{name}");
    }
    for name in ["2", "INC-", "INC-x", "0", "99999999999999999999999", "01FCNDV6P870EA6S7TK1DSYDG0", "%FF"] {
        world.get(&format!("/v2/incidents/{name}")).await.refused(404);
    }
}

#[tokio::test]
async fn same_key_opens_nothing_twice_even_at_the_same_moment() {
    let world = World::new().await;

    let body = incident("once");
    let answers = futures_util::future::join_all((0..8).map(|_| world.post("/v2/incidents", &body))).await;

    let ids: Vec<String> = answers.into_iter().map(|answer| id(&answer.with(200)["incident"])).collect();
    assert!(ids.iter().all(|one| *one == ids[0]), "{ids:?}");
    assert_eq!(world.pages("/v2/incidents", "incidents").await[0].len(), 1);
    let other = world.post("/v2/incidents", &incident("another")).await.with(200)["incident"].clone();
    assert_ne!(id(&other), ids[0]);
}

#[tokio::test]
async fn incident_that_cannot_be_honoured_is_refused_by_field() {
    let world = World::new().await;
    let some = json!("01FCNDV6P870EA6S7TK1DSYDG0");

    for (pointer, value, field) in [
        ("/idempotency_key", json!(null), "idempotency_key"),
        ("/idempotency_key", json!(""), "idempotency_key"),
        ("/visibility", json!(null), "visibility"),
        ("/visibility", json!("secret"), "visibility"),
        ("/name", json!(7), "name"),
        ("/mode", json!("retrospective"), "mode"),
        ("/severity_id", some.clone(), "severity_id"),
        ("/incident_type_id", some.clone(), "incident_type_id"),
        ("/incident_status_id", some, "incident_status_id"),
        ("/custom_field_entries", json!([{ "custom_field_id": "x", "values": [] }]), "custom_field_entries"),
        (
            "/incident_role_assignments",
            json!([{ "incident_role_id": "x" }]),
            "incident_role_assignments.0.incident_role_id",
        ),
    ] {
        let answer = world.post("/v2/incidents", &changed(&incident("k"), pointer, value.clone())).await;
        assert_eq!(answer.refused(422), field, "{pointer} {value}");
    }
    assert_eq!(world.get("/v2/incidents").await.with(200)["incidents"], json!([]));
}

#[tokio::test]
async fn incident_begins_in_the_status_that_was_asked_for() {
    let world = World::new().await;
    let first =
        world.post("/v2/incidents", &json!({ "idempotency_key": "1", "visibility": "private" })).await;
    let first = first.with(200)["incident"].clone();
    assert_eq!((&first["name"], &first["visibility"]), (&json!("New incident"), &json!("private")));

    let status = first["incident_status"]["id"].clone();
    let kind = first["incident_type"]["id"].clone();
    let body = changed(&changed(&incident("2"), "/incident_status_id", status), "/incident_type_id", kind);

    let second = world.post("/v2/incidents", &body).await.with(200)["incident"].clone();
    assert_eq!(second["incident_status"], first["incident_status"]);
}

#[tokio::test]
async fn incident_of_an_alert_has_a_number_that_leads_to_it() {
    let world = World::new().await;
    let source = world.source().await;
    let path = world.path(&world.person("ada").await).await;
    world.post("/v2/alert_routes", &route_of(&id(&source), &path)).await.with(201);

    world.deliver(&source, &event("db", "firing")).await;

    let found = world.get("/v2/incidents/INC-1").await.with(200)["incident"].clone();
    assert_eq!(found["name"], "db is broken");
    assert_eq!(found["creator"]["alert"]["title"], "db is broken");
}

#[tokio::test]
async fn list_has_both_ends_and_is_filtered_as_asked() {
    let world = World::new().await;
    for n in 1..=5 {
        world.post("/v2/incidents", &incident(&n.to_string())).await.with(200);
        world.pass(3600);
    }
    // The clock begins at 2027-01-15T08:00:00Z.
    let list = async |query: &str| {
        let pages = world.pages(&format!("/v2/incidents?page_size=2{query}"), "incidents").await;
        let number = |one: &Value| one["reference"].as_str().unwrap().trim_start_matches("INC-").to_owned();
        pages.iter().map(|page| page.iter().map(number).collect::<String>()).collect::<Vec<_>>()
    };

    assert_eq!(list("").await, ["54", "32", "1"]);
    assert_eq!(list("&sort_by=created_at_oldest_first").await, ["12", "34", "5"]);
    assert_eq!(list("&created_at[gte]=2027-01-15T10:30:00Z").await, ["54"]);
    assert_eq!(
        list("&created_at[gte]=2027-01-15T09:30:00Z&sort_by=created_at_oldest_first").await,
        ["34", "5"]
    );
    assert_eq!(list("&created_at[lte]=2027-01-15T09:30:00Z&sort_by=created_at_oldest_first").await, ["12"]);
    assert_eq!(list("&status_category[one_of]=live").await, ["54", "32", "1"]);
    assert_eq!(list("&status_category[one_of]=closed").await, [""]);
    assert_eq!(list("&severity[one_of]=01JD0000000000000000000000").await, [""]);
    assert_eq!(list("&mode[one_of]=standard").await, ["54", "32", "1"]);
    assert_eq!(world.get("/v2/incidents?sort_by=loudness").await.refused(422), "sort_by");
    assert_eq!(
        world.get("/v2/incidents?custom_field[x][one_of]=y").await.refused(422),
        "custom_field[x][one_of]"
    );
}
