//! What incidents are given: severities, statuses, roles; and what is always there: types and timestamps.

use http::Method;
use serde_json::{Value, json};

use crate::world::{World, id};

/// A resource, what one of it is sent as, and how its deletion is answered.
fn resources() -> [(&'static str, &'static str, &'static str, Value, u16); 5] {
    let role = json!({
        "name": "Scribe", "description": "Writes", "instructions": "Write it down", "shortform": "scribe",
    });
    let status = json!({ "name": "Monitoring", "description": "We watch", "category": "live" });
    let attribute = json!({
        "name": "Service", "type": "String", "array": true, "required": true, "emoji": "fire",
    });
    let severity = json!({ "name": "Catastrophic", "description": "All is down", "rank": 9 });
    [
        ("/v1/severities", "severities", "severity", severity, 202),
        ("/v1/incident_statuses", "incident_statuses", "incident_status", status, 202),
        ("/v2/incident_roles", "incident_roles", "incident_role", role.clone(), 204),
        ("/v1/incident_roles", "incident_roles", "incident_role", role, 204),
        ("/v2/alert_attributes", "alert_attributes", "alert_attribute", attribute, 204),
    ]
}

/// Holds that everything that was sent is shown.
#[track_caller]
fn within(sent: &Value, shown: &Value) {
    for (field, value) in sent.as_object().unwrap() {
        assert_eq!(&shown[field], value, "{field} in {shown}");
    }
}

#[tokio::test]
async fn choice_comes_back_as_it_was_sent_until_it_is_deleted() {
    for (path, many, one, sent, deleted) in resources() {
        let world = World::new().await;
        let before = world.get(path).await.with(200)[many].as_array().unwrap().clone();
        assert_eq!(before.is_empty(), one == "alert_attribute", "an organisation begins with some");

        let made = world.post(path, &sent).await.with(201)[one].clone();

        within(&sent, &made);
        let at = format!("{path}/{}", id(&made));
        assert_eq!(world.get(&at).await.with(200)[one], made);
        let mut changed = sent.clone();
        changed["name"] = json!("Renamed");
        within(&changed, &world.put(&at, &changed).await.with(200)[one]);
        let listed = world.get(path).await.with(200)[many].as_array().unwrap().clone();
        assert_eq!(listed.len(), before.len() + 1);
        assert!(listed.iter().any(|choice| choice["name"] == "Renamed"));
        world.delete(&at).await.with(deleted);
        world.delete(&at).await.refused(404);
        world.get(&at).await.refused(404);
        assert_eq!(world.get(path).await.with(200)[many], json!(before));
    }
}

#[tokio::test]
async fn choice_that_makes_no_sense_is_refused_by_field() {
    for (path, _, one, sent, _) in resources() {
        let world = World::new().await;
        let made = world.post(path, &sent).await.with(201)[one].clone();
        let mut other = sent.clone();
        other["name"] = json!("Other");
        world.post(path, &other).await.with(201);
        let at = format!("{path}/{}", id(&made));

        assert_eq!(world.post(path, &sent).await.refused(422), "name", "the name is taken");
        for name in [json!(""), json!("   "), json!("x".repeat(101)), json!(7), other["name"].clone()] {
            let mut wrong = sent.clone();
            wrong["name"] = name.clone();
            assert_eq!(world.post(path, &wrong).await.refused(422), "name", "{name}");
            assert_eq!(world.put(&at, &wrong).await.refused(422), "name", "{name}");
        }
        let needed = if one == "alert_attribute" { "type" } else { "description" };
        let mut wrong = sent.clone();
        wrong.as_object_mut().unwrap().remove(needed);
        assert_eq!(world.post(path, &wrong).await.refused(422), needed);
    }
    let world = World::new().await;
    let mut status = resources()[1].3.clone();
    status["category"] = json!("triage");
    assert_eq!(world.post("/v1/incident_statuses", &status).await.refused(422), "category");
}

#[tokio::test]
async fn built_in_choice_is_renamed_and_a_severity_even_deleted_once() {
    let world = World::new().await;
    let minor = &world.get("/v1/severities").await.with(200)["severities"][0].clone();
    let at = format!("/v1/severities/{}", id(minor));

    let renamed = json!({ "name": "Small", "description": "Hardly anything" });
    let shown = world.put(&at, &renamed).await.with(200)["severity"].clone();
    assert_eq!((&shown["name"], &shown["rank"]), (&json!("Small"), &minor["rank"]));
    world.delete(&at).await.with(202);
    world.get(&at).await.refused(404);
    let names = world.get("/v1/severities").await.with(200)["severities"].clone();
    assert_eq!(
        names.as_array().unwrap().iter().map(|one| &one["name"]).collect::<Vec<_>>(),
        ["Major", "Critical"]
    );
    for (path, many) in
        [("/v1/incident_statuses", "incident_statuses"), ("/v2/incident_roles", "incident_roles")]
    {
        for fixed in world.get(path).await.with(200)[many].as_array().unwrap() {
            assert_eq!(world.delete(&format!("{path}/{}", id(fixed))).await.refused(422), "id");
        }
    }
}

#[tokio::test]
async fn choice_that_an_incident_was_given_is_no_longer_deleted() {
    for (path, _, one, sent, _) in resources().into_iter().take(3) {
        let world = World::new().await;
        let user = world.person("ada").await;
        let made = id(&world.post(path, &sent).await.with(201)[one]);
        let given = match one {
            "severity" => json!({ "severity_id": made }),
            "incident_status" => json!({ "incident_status_id": made }),
            _ => {
                json!({ "incident_role_assignments": [{ "incident_role_id": made, "assignee": { "id": user } }] })
            }
        };
        let mut incident = json!({ "idempotency_key": "k", "visibility": "public" });
        incident.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());

        let incident = world.post("/v2/incidents", &incident).await.with(200)["incident"].clone();

        let shown = match one {
            "severity" => &incident["severity"],
            "incident_status" => &incident["incident_status"],
            _ => &incident["incident_role_assignments"][0]["role"],
        };
        assert_eq!(shown["id"], json!(made), "{incident}");
        assert_eq!(world.delete(&format!("{path}/{made}")).await.refused(422), "id");
        let mut renamed = sent.clone();
        renamed["name"] = json!("Renamed");
        world.put(&format!("{path}/{made}"), &renamed).await.with(200);
        let again = world.get(&format!("/v2/incidents/{}", id(&incident))).await.with(200);
        assert!(again.to_string().contains("Renamed"), "{again}");
    }
}

#[tokio::test]
async fn there_are_no_more_than_a_hundred_of_a_kind() {
    let world = World::new().await;
    for n in 3..100 {
        let sent = json!({ "name": format!("S{n}"), "description": "" });
        let made = world.post("/v1/severities", &sent).await.with(201)["severity"].clone();
        assert_eq!(made["rank"], n + 1, "one without a rank is the worst of all");
    }

    let sent = json!({ "name": "One too many", "description": "" });
    assert_eq!(world.post("/v1/severities", &sent).await.refused(422), "name");
}

#[tokio::test]
async fn types_and_timestamps_are_listed_and_shown() {
    let world = World::new().await;

    for (path, many, one) in [
        ("/v1/incident_types", "incident_types", "incident_type"),
        ("/v2/incident_timestamps", "incident_timestamps", "incident_timestamp"),
    ] {
        let listed = world.get(path).await.with(200)[many].clone();
        for each in listed.as_array().unwrap() {
            let at = format!("{path}/{}", id(each));
            assert_eq!(&world.get(&at).await.with(200)[one], each);
            world.ask(&world.other, Method::GET, &at, None).await.refused(404);
        }
        world.get(&format!("{path}/01FCNDV6P870EA6S7TK1DSYDG0")).await.refused(404);
        world.delete(path).await.refused(405);
    }
}
