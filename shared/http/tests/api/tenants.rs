//! Two organisations: what one has, the other finds nowhere.

use http::Method;
use serde_json::{Value, json};

use crate::world::{World, event, id, path_of, route_of, source_of};

#[tokio::test]
async fn ids_of_another_organisation_are_not_found_on_any_route() {
    let world = World::new().await;
    let (source, user) = (world.source().await, world.person("ada").await);
    let path = world.path(&user).await;
    let route =
        id(&world.post("/v2/alert_routes", &route_of(&id(&source), &path)).await.with(201)["alert_route"]);
    world.deliver(&source, &event("db", "firing")).await;
    let first = async |list: &str| id(&world.get(&format!("/v2/{list}")).await.with(200)[list][0]);
    let (alert, escalation, incident) =
        (first("alerts").await, first("escalations").await, first("incidents").await);
    let source = id(&source);
    let edit = json!({ "incident": {}, "notify_incident_channel": false });
    let choice = json!({
        "name": "Ours", "description": "", "category": "live", "instructions": "", "shortform": "ours",
        "incident_id": incident, "idempotency_key": "k", "message": "x", "type": "String", "array": false,
    });
    let made = async |list: &str, one: &str| id(&world.post(list, &choice).await.with(201)[one]);
    let severity = made("/v1/severities", "severity").await;
    let status = made("/v1/incident_statuses", "incident_status").await;
    let role = made("/v2/incident_roles", "incident_role").await;
    let attribute = made("/v2/alert_attributes", "alert_attribute").await;

    let none = json!({});
    let rules = json!({ "notification_rules": [] });
    let method = json!({ "method_type": "email", "address": "x@y.example" });
    let mut versioned = route_of(&source, &path);
    versioned["version"] = json!(2);
    let requests: Vec<(Method, String, Value)> = vec![
        (Method::GET, format!("/v2/alert_sources/{source}"), none.clone()),
        (Method::PUT, format!("/v2/alert_sources/{source}"), source_of("http")),
        (Method::DELETE, format!("/v2/alert_sources/{source}"), none.clone()),
        (Method::POST, format!("/v2/alert_sources/{source}/actions/send_test"), none.clone()),
        (Method::GET, format!("/v2/alerts/{alert}"), none.clone()),
        (Method::POST, format!("/v2/alerts/{alert}/actions/resolve"), none.clone()),
        (Method::POST, format!("/v2/alerts/{alert}/actions/set_tags"), json!({ "tags": ["x"] })),
        (
            Method::POST,
            format!("/v2/incident_alerts/{incident}-{alert}/actions/transition"),
            json!({ "state": "unrelated" }),
        ),
        (Method::GET, format!("/v2/alert_routes/{route}"), none.clone()),
        (Method::PUT, format!("/v2/alert_routes/{route}"), versioned),
        (Method::DELETE, format!("/v2/alert_routes/{route}"), none.clone()),
        (Method::GET, format!("/v2/incidents/{incident}"), none.clone()),
        (Method::GET, "/v2/incidents/1".to_owned(), none.clone()),
        (Method::POST, format!("/v2/incidents/{incident}/actions/edit"), edit),
        (Method::GET, format!("/v2/alert_attributes/{attribute}"), none.clone()),
        (Method::PUT, format!("/v2/alert_attributes/{attribute}"), choice.clone()),
        (Method::DELETE, format!("/v2/alert_attributes/{attribute}"), none.clone()),
        (Method::GET, format!("/v1/severities/{severity}"), none.clone()),
        (Method::PUT, format!("/v1/severities/{severity}"), choice.clone()),
        (Method::DELETE, format!("/v1/severities/{severity}"), none.clone()),
        (Method::GET, format!("/v1/incident_statuses/{status}"), none.clone()),
        (Method::PUT, format!("/v1/incident_statuses/{status}"), choice.clone()),
        (Method::DELETE, format!("/v1/incident_statuses/{status}"), none.clone()),
        (Method::GET, format!("/v1/incident_roles/{role}"), none.clone()),
        (Method::GET, format!("/v2/incident_roles/{role}"), none.clone()),
        (Method::PUT, format!("/v2/incident_roles/{role}"), choice.clone()),
        (Method::DELETE, format!("/v2/incident_roles/{role}"), none.clone()),
        (Method::GET, format!("/v2/escalation_paths/{path}"), none.clone()),
        (Method::PUT, format!("/v2/escalation_paths/{path}"), path_of(&user)),
        (Method::DELETE, format!("/v2/escalation_paths/{path}"), none.clone()),
        (Method::GET, format!("/v2/escalations/{escalation}"), none.clone()),
        (Method::POST, format!("/v2/escalations/{escalation}/actions/respond"), json!({ "response": "ack" })),
        (
            Method::POST,
            format!("/v2/escalations/{escalation}/actions/respond"),
            json!({ "response": "nack" }),
        ),
        (Method::POST, format!("/v2/escalations/{escalation}/actions/cancel"), none.clone()),
        (Method::GET, format!("/v2/users/{user}"), none.clone()),
        (Method::GET, format!("/v2/users/{user}/notification_methods"), none.clone()),
        (Method::POST, format!("/v2/users/{user}/notification_methods"), method),
        (Method::GET, format!("/v2/users/{user}/notification_rules"), none),
        (Method::PUT, format!("/v2/users/{user}/notification_rules"), rules),
    ];
    for (method, path, body) in &requests {
        world.ask(&world.other, method.clone(), path, Some(body)).await.refused(404);
    }
    // Nor does an id that nobody has, or that is none.
    for (method, path, body) in &requests {
        for nobody in ["01FCNDV6P870EA6S7TK1DSYDG0", "x", "..%2F", "%00"] {
            let mut parts: Vec<&str> = path.split('/').collect();
            parts[3] = nobody;
            world.ask(&world.key, method.clone(), &parts.join("/"), Some(body)).await.refused(404);
        }
    }

    assert_eq!(world.get(&format!("/v2/alerts/{alert}")).await.with(200)["alert"]["status"], "firing");
    assert_eq!(
        world.get(&format!("/v2/escalations/{escalation}")).await.with(200)["escalation"]["status"],
        "triggered"
    );
    assert_eq!(world.get(&format!("/v2/alert_routes/{route}")).await.with(200)["alert_route"]["version"], 1);
    world.get(&format!("/v2/alert_sources/{source}")).await.with(200);
}

#[tokio::test]
async fn lists_hold_nothing_of_another_organisation() {
    let world = World::new().await;
    let (source, user) = (world.source().await, world.person("ada").await);
    let path = world.path(&user).await;
    world.post("/v2/alert_routes", &route_of(&id(&source), &path)).await.with(201);
    world.deliver(&source, &event("db", "firing")).await;

    for list in ["alert_sources", "alerts", "alert_routes", "incidents", "escalation_paths", "escalations"] {
        let found = world.ask(&world.other, Method::GET, &format!("/v2/{list}"), None).await.with(200);
        assert_eq!(found[list], json!([]), "{list}");
        assert_eq!(
            world.get(&format!("/v2/{list}")).await.with(200)[list].as_array().unwrap().len(),
            1,
            "{list}"
        );
    }
    let users = world.ask(&world.other, Method::GET, "/v2/users", None).await.with(200);
    assert_eq!(users["users"].as_array().unwrap().len(), 1);
    let found = world.ask(&world.other, Method::GET, "/v2/users?email=ada%40home.example", None).await;
    assert_eq!(found.with(200)["users"], json!([]));
}

#[tokio::test]
async fn nothing_is_made_of_what_another_organisation_has() {
    let world = World::new().await;
    let (source, user) = (world.source().await, world.person("ada").await);
    let path = world.path(&user).await;
    let incident = json!({ "idempotency_key": "k", "visibility": "public" });
    let incident = world.post("/v2/incidents", &incident).await.with(200)["incident"].clone();
    let owner = world.ask(&world.other, Method::GET, "/v2/users", None).await.with(200)["users"][0].clone();
    let ask = async |path: &str, body: &Value| world.ask(&world.other, Method::POST, path, Some(body)).await;

    assert_eq!(ask("/v2/escalation_paths", &path_of(&user)).await.refused(422), "path.0.level.targets.0.id");
    let mut call = json!({ "idempotency_key": "k", "title": "x", "escalation_path_id": path });
    assert_eq!(ask("/v2/escalations", &call).await.refused(422), "escalation_path_id");
    call = json!({ "idempotency_key": "k", "title": "x", "user_ids": [user] });
    assert_eq!(ask("/v2/escalations", &call).await.refused(422), "user_ids.0");
    call = json!({ "idempotency_key": "k", "title": "x", "user_ids": [id(&owner)], "incident_id": id(&incident) });
    assert_eq!(ask("/v2/escalations", &call).await.refused(422), "incident_id");
    let route = route_of(&id(&source), &path);
    assert_eq!(ask("/v2/alert_routes", &route).await.refused(422), "alert_sources.0.alert_source_id");
    let same_key = json!({ "idempotency_key": "k", "visibility": "public" });
    let own = ask("/v2/incidents", &same_key).await.with(200)["incident"].clone();
    assert_ne!(own["id"], incident["id"], "a key is its organisation's own");
}
