//! Senders that speak the API of another product.

#![expect(clippy::unwrap_used, reason = "what prepares a test may fail it")]

use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::world::{Answer, World, changed, id, route_of, source_of};

/// The key that the senders have had all along.
const KEY: &str = "R0UTINGKEY0123456789012345678901";

/// A source of a kind under the senders' own key, routed to a path.
async fn source(world: &World, kind: &str) -> Value {
    let body = changed(&source_of(kind), "/secret_token", json!(KEY));
    let source = world.post("/v2/alert_sources", &body).await.with(200)["alert_source"].clone();
    let path = world.path(&world.person("ada").await).await;
    world.post("/v2/alert_routes", &route_of(&id(&source), &path)).await.with(201);
    source
}

/// Sends a request as a sender of the other product does.
async fn send(world: &World, method: Method, path: &str, key: Option<&str>, body: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let request = match key {
        Some(key) => request.header("authorization", format!("GenieKey {key}")),
        None => request,
    };
    world.pass(1);
    let answer = world.send(request.body(axum::body::Body::from(body.to_owned())).unwrap()).await;
    world.handle().await;
    answer
}

async fn enqueue(world: &World, body: &Value) -> Answer {
    send(world, Method::POST, "/v2/enqueue", None, &body.to_string()).await
}

/// The statuses of all alerts and of all escalations.
async fn statuses(world: &World) -> (Vec<String>, Vec<String>) {
    let of = |list: &Value| {
        list.as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap().to_owned()).collect()
    };
    let alerts = world.get("/v2/alerts?page_size=25").await.with(200)["alerts"].clone();
    let escalations = world.get("/v2/escalations").await.with(200)["escalations"].clone();
    (of(&alerts), of(&escalations))
}

fn both(alert: &str, escalation: &str) -> (Vec<String>, Vec<String>) {
    (vec![alert.to_owned()], vec![escalation.to_owned()])
}

#[tokio::test]
async fn pagerdutys_events_fire_are_acknowledged_and_end() {
    let world = World::new().await;
    source(&world, "pager_duty_events").await;
    let event = |action: &str, dedup_key: &str| {
        json!({
            "routing_key": KEY, "event_action": action, "dedup_key": dedup_key, "client": "Watcher",
            "payload": { "summary": "Disk full", "source": "db-1", "severity": "critical" }
        })
    };

    let answer = enqueue(&world, &event("trigger", "disk")).await;

    assert_eq!(
        answer.with(202),
        json!({ "status": "success", "message": "Event processed", "dedup_key": "disk" })
    );
    assert_eq!(statuses(&world).await, both("firing", "triggered"));
    assert_eq!(enqueue(&world, &event("acknowledge", "disk")).await.with(202)["dedup_key"], "disk");
    assert_eq!(statuses(&world).await, both("firing", "acked"));
    enqueue(&world, &event("acknowledge", "another")).await.with(202);
    enqueue(&world, &event("resolve", "disk")).await.with(202);
    assert_eq!(statuses(&world).await, both("resolved", "acked"));
    enqueue(&world, &event("acknowledge", "disk")).await.with(202);
    assert_eq!(statuses(&world).await, both("resolved", "acked"));
}

#[tokio::test]
async fn acknowledgement_that_overtakes_its_trigger_acknowledges_it() {
    let world = World::new().await;
    source(&world, "pager_duty_events").await;
    let event = |action: &str| {
        json!({ "routing_key": KEY, "event_action": action, "dedup_key": "disk",
                "payload": { "summary": "Disk full", "source": "db-1", "severity": "error" } })
    };

    enqueue(&world, &event("acknowledge")).await.with(202);
    enqueue(&world, &event("trigger")).await.with(202);
    assert_eq!(statuses(&world).await, both("firing", "triggered"));
    world.pass(2);
    world.handle().await;
    assert_eq!(statuses(&world).await, both("firing", "acked"));

    // One that nothing follows is given up.
    enqueue(&world, &json!({ "routing_key": KEY, "event_action": "acknowledge", "dedup_key": "none" }))
        .await
        .with(202);
    for _ in 0..10 {
        world.pass(60);
        world.handle().await;
    }
    assert_eq!(world.embedded.queues().counts("alert-handle").unwrap(), (0, 0, 0));
}

#[tokio::test]
async fn trigger_without_a_key_is_resolved_by_the_one_in_its_answer() {
    let world = World::new().await;
    source(&world, "pager_duty_events").await;
    let mut event =
        json!({ "routing_key": KEY, "event_action": "trigger", "payload": { "summary": "Disk full" } });

    let key = enqueue(&world, &event).await.with(202)["dedup_key"].clone();
    event["event_action"] = json!("resolve");
    event["dedup_key"] = key;
    enqueue(&world, &event).await.with(202);

    assert_eq!(statuses(&world).await.0, ["resolved"]);
}

#[tokio::test]
async fn opsgenies_alerts_fire_are_acknowledged_and_end_with_and_without_its_prefix() {
    for prefix in ["", "/opsgenie"] {
        let world = World::new().await;
        source(&world, "opsgenie_alerts").await;
        let alert = json!({ "message": "Disk full", "alias": "db/disk", "priority": "P1" }).to_string();
        let at = |rest: &str| format!("{prefix}/v2/alerts{rest}");
        let post = async |rest: &str, body: &str| {
            send(&world, Method::POST, &at(rest), Some(KEY), body).await.with(202).clone()
        };

        let answer = post("", &alert).await;

        assert_eq!(answer["result"], "Request will be processed");
        assert!(answer["took"].is_number(), "{answer}");
        assert_eq!(statuses(&world).await, both("firing", "triggered"), "{prefix}");
        post("/db%2Fdisk/notes?identifierType=alias", r#"{"note":"looking"}"#).await;
        assert_eq!(statuses(&world).await, both("firing", "triggered"), "{prefix}");
        post("/db%2Fdisk/acknowledge?identifierType=alias", "{}").await;
        assert_eq!(statuses(&world).await, both("firing", "acked"), "{prefix}");
        post("/db%2Fdisk/close?identifierType=alias", r#"{"source":"x"}"#).await;
        assert_eq!(statuses(&world).await, both("resolved", "acked"), "{prefix}");
        let request = at(&format!("/requests/{}", answer["requestId"].as_str().unwrap()));
        let asked = send(&world, Method::GET, &request, Some(KEY), "").await;
        assert_eq!(asked.with(200)["data"]["isSuccess"], true);
    }
}

#[tokio::test]
async fn deleting_at_opsgenie_ends_an_alert() {
    let world = World::new().await;
    source(&world, "opsgenie_alerts").await;
    let alert = json!({ "message": "Disk full", "alias": "disk" }).to_string();
    send(&world, Method::POST, "/v2/alerts", Some(KEY), &alert).await.with(202);

    send(&world, Method::DELETE, "/v2/alerts/disk?identifierType=alias", Some(KEY), "").await.with(202);

    assert_eq!(statuses(&world).await.0, ["resolved"]);
}

#[tokio::test]
async fn key_that_leads_nowhere_is_refused_in_the_words_of_the_other_product() {
    let world = World::new().await;
    let mut event =
        json!({ "routing_key": KEY, "event_action": "trigger", "payload": { "summary": "Disk full" } });
    let refused = enqueue(&world, &event).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.body["errors"][0].as_str().unwrap().contains("routing_key"), "{}", refused.body);
    event["routing_key"] = Value::Null;
    assert_eq!(enqueue(&world, &event).await.status, StatusCode::BAD_REQUEST);

    let alert = r#"{"message":"x"}"#;
    for key in [Some(KEY), None] {
        let refused = send(&world, Method::POST, "/v2/alerts", key, alert).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert!(
            refused.body["message"].is_string() && refused.body["requestId"].is_string(),
            "{}",
            refused.body
        );
    }
    assert_eq!(statuses(&world).await, (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn key_leads_to_its_source_alone_for_as_long_as_that_has_it() {
    let world = World::new().await;
    let made = source(&world, "pager_duty_events").await;
    let event =
        json!({ "routing_key": KEY, "event_action": "trigger", "payload": { "summary": "Disk full" } });
    let again = changed(&source_of("pager_duty_events"), "/secret_token", json!(KEY));
    assert_eq!(world.post("/v2/alert_sources", &again).await.refused(422), "secret_token");

    let path = format!("/v2/alert_sources/{}", id(&made));
    let renewed =
        changed(&source_of("pager_duty_events"), "/secret_token", json!("another-key-of-32-letters-000000"));
    world.put(&path, &renewed).await.with(200);
    world.pass(31);
    assert_eq!(enqueue(&world, &event).await.status, StatusCode::BAD_REQUEST);
    let other = world.post("/v2/alert_sources", &again).await.with(200)["alert_source"].clone();
    world.pass(6);
    enqueue(&world, &event).await.with(202);

    world.delete(&format!("/v2/alert_sources/{}", id(&other))).await.with(204);
    world.pass(31);
    assert_eq!(enqueue(&world, &event).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn test_alert_of_each_front_pages() {
    for kind in ["pager_duty_events", "opsgenie_alerts", "prometheus"] {
        let world = World::new().await;
        let made = source(&world, kind).await;

        world.post(&format!("/v2/alert_sources/{}/actions/send_test", id(&made)), &json!({})).await.with(202);
        world.handle().await;

        assert_eq!(statuses(&world).await, both("firing", "triggered"), "{kind}");
    }
}

#[tokio::test]
async fn key_that_was_replaced_leads_to_its_source_until_its_time_is_over() {
    let world = World::new().await;
    let made = source(&world, "pager_duty_events").await;
    let new = "AN0THERKEY0123456789012345678901";
    let rotate = format!("/v2/alert_sources/{}/actions/rotate_secret", id(&made));
    world.post(&rotate, &json!({ "secret_token": new, "overlap_hours": 1 })).await.with(200);
    let trigger = |key: &str| {
        json!({
            "routing_key": key, "event_action": "trigger",
            "payload": { "summary": "Disk full", "source": "db-1", "severity": "critical" }
        })
    };

    world.pass(60);
    enqueue(&world, &trigger(KEY)).await.with(202);
    enqueue(&world, &trigger(new)).await.with(202);
    world.pass(3600);
    assert!(enqueue(&world, &trigger(KEY)).await.status.is_client_error());
    enqueue(&world, &trigger(new)).await.with(202);

    // A secret that is no longer used is there for another source once this one forgets it.
    world.post(&rotate, &json!({})).await.with(200);
    world.pass(31);
    assert!(enqueue(&world, &trigger(KEY)).await.status.is_client_error());
    let body = changed(&source_of("pager_duty_events"), "/secret_token", json!(KEY));
    world.post("/v2/alert_sources", &body).await.with(200);
}
