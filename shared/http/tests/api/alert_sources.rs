//! Alert sources.

use domain::alert::key::Decision;
use http::Method;
use serde_json::{Value, json};

use crate::world::{World, changed, event, id, source_of};

#[tokio::test]
async fn source_comes_back_as_it_was_sent_with_its_door_and_its_secret() {
    let world = World::new().await;
    let sent = source_of("alertmanager");

    let made = world.post("/v2/alert_sources", &sent).await.with(200)["alert_source"].clone();

    for field in ["name", "source_type", "owning_team_ids", "auto_resolve_timeout_minutes"] {
        assert_eq!(made[field], sent[field], "{field}");
    }
    assert_eq!(made["template"]["title"], json!({ "reference": "alert.title", "label": "Title" }));
    assert_eq!(
        made["template"]["description"],
        json!({ "literal": "Look at the runbook", "label": "Look at the runbook" })
    );
    let path = format!("/v2/alert_events/alertmanager/{}", id(&made));
    assert_eq!(made["alert_events_url"], format!("http://firebell.example{path}"));
    assert!(made["secret_token"].as_str().unwrap().len() >= 32);
    assert_eq!(made["disabled"], false);
    assert_eq!(world.get(&format!("/v2/alert_sources/{}", id(&made))).await.with(200)["alert_source"], made);
    assert_eq!(world.get("/v2/alert_sources").await.with(200)["alert_sources"], json!([made]));
}

#[tokio::test]
async fn source_that_cannot_be_honoured_is_refused_by_field() {
    let world = World::new().await;
    let good = source_of("http");

    let cases: Vec<(&str, Value, &str)> = vec![
        ("/name", json!(null), "name"),
        ("/name", json!("  "), "name"),
        ("/name", json!(1), "name"),
        ("/source_type", json!(null), "source_type"),
        ("/source_type", json!("carrier_pigeon"), "source_type"),
        ("/template", json!(null), "template"),
        ("/template/title", json!(null), "template.title"),
        ("/template/title", json!({}), "template.title.literal"),
        ("/template/title", json!({ "literal": "a", "reference": "alert.title" }), "template.title"),
        ("/template/title", json!({ "reference": "alert.nothing" }), "template.title.reference"),
        ("/template/description", json!("text"), "template.description"),
        (
            "/template/attributes",
            json!([{ "alert_attribute_id": "x", "binding": {} }]),
            "template.attributes.0.alert_attribute_id",
        ),
        (
            "/template/attributes",
            json!([{ "alert_attribute_id": "01FCNDV6P870EA6S7TK1DSYDG0", "binding": {} }]),
            "template.attributes.0.alert_attribute_id",
        ),
        (
            "/template/attributes",
            json!([{
                "alert_attribute_id": "01FCNDV6P870EA6S7TK1DSYDG0",
                "binding": { "value": { "reference": "nowhere.at.all" } },
            }]),
            "template.attributes.0.binding",
        ),
        ("/template/expressions", json!([{ "label": "x" }]), "template.expressions.0.reference"),
        (
            "/filter_condition_groups",
            json!([{ "conditions": [{ "subject": "alert.title", "operation": "resembles" }] }]),
            "filter_condition_groups.0.conditions.0.operation",
        ),
        ("/heartbeat_options", json!({ "interval_seconds": 60 }), "heartbeat_options"),
        ("/email_options", json!({ "redactions": [] }), "email_options"),
        ("/secret_token", json!("too-short"), "secret_token"),
        ("/secret_token", json!("with a space in the middle"), "secret_token"),
    ];
    for (pointer, value, field) in cases {
        let sent = changed(&good, pointer, value.clone());
        assert_eq!(world.post("/v2/alert_sources", &sent).await.refused(422), field, "{pointer} {value}");
        if field != "name" {
            assert_eq!(world.post("/v2/alert_sources/actions/validate", &sent).await.refused(422), field);
        }
    }
    assert_eq!(world.get("/v2/alert_sources").await.with(200)["alert_sources"], json!([]));
}

#[tokio::test]
async fn validation_keeps_nothing() {
    let world = World::new().await;

    let answer = world
        .post("/v2/alert_sources/actions/validate", &changed(&source_of("http"), "/name", json!(null)))
        .await;

    assert_eq!(answer.with(204), Value::Null);
    assert_eq!(world.get("/v2/alert_sources").await.with(200)["alert_sources"], json!([]));
}

#[tokio::test]
async fn document_too_large_to_be_kept_is_refused() {
    let world = World::new().await;

    let sent = changed(&source_of("http"), "/owning_team_ids", json!(["x".repeat(200_000)]));

    world.post("/v2/alert_sources", &sent).await.refused(413);
    let named = changed(&source_of("http"), "/name", json!("x".repeat(200_000)));
    world.post("/v2/alert_sources", &named).await.refused(413);
    // What is just small enough is kept, in its item and in the change of it.
    let large = changed(&source_of("http"), "/owning_team_ids", json!(["x".repeat(170_000)]));
    let made = world.post("/v2/alert_sources", &large).await.with(200)["alert_source"].clone();
    let larger = changed(&large, "/template/title", json!({ "literal": "y".repeat(5_000) }));
    world.put(&format!("/v2/alert_sources/{}", id(&made)), &larger).await.with(200);
}

#[tokio::test]
async fn disabled_source_refuses_deliveries_until_it_is_enabled_again() {
    let world = World::new().await;
    let source = world.source().await;
    let path = format!("/v2/alert_sources/{}", id(&source));
    let deliver = async || {
        // What the door knows is kept for a while.
        world.pass(31);
        let (secret, door) =
            (source["secret_token"].as_str().unwrap(), source["alert_events_url"].as_str().unwrap());
        let door = door.trim_start_matches("http://firebell.example");
        world.ask(secret, Method::POST, door, Some(&event("db", "firing"))).await.status.as_u16()
    };
    let change = changed(&source_of("http"), "/source_type", json!(null));

    assert_eq!(deliver().await, 202);
    let renamed = changed(&change, "/name", json!("Renamed"));
    let disabled = world.put(&path, &changed(&renamed, "/disabled", json!(true))).await.with(200);
    assert_eq!(
        (&disabled["alert_source"]["disabled"], &disabled["alert_source"]["name"]),
        (&json!(true), &json!("Renamed"))
    );
    assert_eq!(disabled["alert_source"]["secret_token"], source["secret_token"]);
    assert_eq!(deliver().await, 404);
    world.post(&format!("{path}/actions/send_test"), &json!({})).await.refused(409);
    assert_eq!(
        world.put(&path, &renamed).await.with(200)["alert_source"]["disabled"],
        true,
        "nothing was said"
    );
    world.put(&path, &changed(&renamed, "/disabled", json!(false))).await.with(200);
    assert_eq!(deliver().await, 202);
}

#[tokio::test]
async fn update_that_cannot_be_honoured_changes_nothing() {
    let world = World::new().await;
    let source = world.source().await;
    let path = format!("/v2/alert_sources/{}", id(&source));

    let kind = changed(&source_of("http"), "/source_type", json!("alertmanager"));
    assert_eq!(world.put(&path, &kind).await.refused(422), "source_type");
    let name = changed(&source_of("http"), "/name", json!(""));
    assert_eq!(world.put(&path, &name).await.refused(422), "name");
    assert_eq!(world.put(&path, &changed(&name, "/template", json!(null))).await.refused(422), "template");

    assert_eq!(world.get(&path).await.with(200)["alert_source"], source);
}

#[tokio::test]
async fn deleted_source_is_gone_and_its_door_with_it() {
    let world = World::new().await;
    let source = world.source().await;
    let path = format!("/v2/alert_sources/{}", id(&source));

    world.delete(&path).await.with(204);

    world.get(&path).await.refused(404);
    world.delete(&path).await.refused(404);
    world.put(&path, &source_of("http")).await.refused(404);
    world.post(&format!("{path}/actions/send_test"), &json!({})).await.refused(404);
    assert_eq!(world.get("/v2/alert_sources").await.with(200)["alert_sources"], json!([]));
    assert_eq!(world.context.store.door(id(&source).parse().unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn test_alert_of_every_kind_goes_through_the_door_and_pages() {
    let world = World::new().await;
    for kind in sources::all() {
        let source =
            world.post("/v2/alert_sources", &source_of(kind.kind())).await.with(200)["alert_source"].clone();
        let path = format!("/v2/alert_sources/{}", id(&source));

        let sent = world.post(&format!("{path}/actions/send_test"), &json!({})).await.with(202);

        assert_eq!(sent["status"], "success");
        assert_eq!(world.handle().await, [Decision::Open], "{}", kind.kind());
        let shown = world.get(&path).await.with(200)["alert_source"].clone();
        assert!(shown["last_delivery_at"].is_string(), "{shown}");
        let alerts = world.get(&format!("/v2/alerts?alert_source[one_of]={}", id(&source))).await.with(200);
        assert_eq!(alerts["alerts"][0]["deduplication_key"], sent["deduplication_key"]);
        let escalations =
            world.get(&format!("/v2/escalations?alert[one_of]={}", id(&alerts["alerts"][0]))).await;
        assert_eq!(escalations.with(200)["escalations"][0]["status"], "triggered");
    }
}

#[tokio::test]
async fn secret_that_the_sender_made_takes_the_place_of_ours() {
    let world = World::new().await;
    let source =
        world.post("/v2/alert_sources", &source_of("sentry")).await.with(200)["alert_source"].clone();
    let path = format!("/v2/alert_sources/{}", id(&source));
    let theirs = "3f1c5a9e0d7b42688c1f";
    let deliver = async |secret: &str| {
        let body = sources::get("sentry").unwrap().example().to_string();
        let door = source["alert_events_url"].as_str().unwrap().trim_start_matches("http://firebell.example");
        let mut request = http::Request::post(door).body(axum::body::Body::from(body.clone())).unwrap();
        sources::get("sentry").unwrap().sign(
            request.headers_mut(),
            body.as_bytes(),
            &secret.into(),
            world.context.now(),
        );
        world.send(request).await
    };
    deliver(theirs).await.refused(401);

    let changed = changed(&source_of("sentry"), "/secret_token", json!(theirs));
    let shown = world.put(&path, &changed).await.with(200)["alert_source"].clone();

    world.pass(6);
    assert_eq!(shown["secret_token"], theirs);
    deliver(theirs).await.with(202);
    deliver(source["secret_token"].as_str().unwrap()).await.refused(401);
    world.put(&path, &source_of("sentry")).await.with(200);
    assert_eq!(world.get(&path).await.with(200)["alert_source"]["secret_token"], theirs);
    let id = id(&source).parse().unwrap();
    let org = world.context.store.door(id).await.unwrap().unwrap().org;
    let stored = world.context.store.source(org, id).await.unwrap().unwrap();
    assert!(!serde_json::to_string(&stored).unwrap().contains(theirs), "the secret stands open in the table");
}

#[tokio::test]
async fn source_says_what_last_went_wrong() {
    let world = World::new().await;
    let source = world.source().await;
    let door = source["alert_events_url"].as_str().unwrap().trim_start_matches("http://firebell.example");
    let request = http::Request::post(door)
        .header("authorization", format!("Bearer {}", source["secret_token"].as_str().unwrap()))
        .body(axum::body::Body::from("this is no JSON"))
        .unwrap();

    world.send(request).await.refused(400);
    world.handle().await;

    let shown = world.get(&format!("/v2/alert_sources/{}", id(&source))).await.with(200);
    let error = &shown["alert_source"]["last_error"];
    assert!(error["at"].is_string() && !error["reason"].as_str().unwrap().is_empty(), "{shown}");
}

#[tokio::test]
async fn signature_from_too_long_ago_is_refused_and_the_source_says_so() {
    let world = World::new().await;
    let source =
        world.post("/v2/alert_sources", &source_of("zendesk")).await.with(200)["alert_source"].clone();
    let zendesk = sources::get("zendesk").unwrap();
    let body = zendesk.example().to_string();
    let deliver = async |signed_at| {
        let door = source["alert_events_url"].as_str().unwrap().trim_start_matches("http://firebell.example");
        let mut request = http::Request::post(door).body(axum::body::Body::from(body.clone())).unwrap();
        let secret = source["secret_token"].as_str().unwrap().into();
        zendesk.sign(request.headers_mut(), body.as_bytes(), &secret, signed_at);
        world.send(request).await
    };
    let signed_at = world.context.now();
    deliver(signed_at).await.with(202);
    world.pass(301);

    deliver(signed_at).await.refused(401);

    world.handle().await;
    let shown = world.get(&format!("/v2/alert_sources/{}", id(&source))).await.with(200);
    let reason = shown["alert_source"]["last_error"]["reason"].as_str().unwrap();
    assert!(reason.contains("more than five minutes"), "{reason}");
    deliver(world.context.now()).await.with(202);
}

#[tokio::test]
async fn secret_that_was_replaced_holds_until_its_time_is_over_and_no_longer() {
    let world = World::new().await;
    let source = world.source().await;
    let rotate = format!("/v2/alert_sources/{}/actions/rotate_secret", id(&source));
    let deliver = async |secret: &Value, key: &str| {
        let door = source["alert_events_url"].as_str().unwrap().trim_start_matches("http://firebell.example");
        let told = event(key, "firing");
        world.ask(secret.as_str().unwrap(), Method::POST, door, Some(&told)).await.status.as_u16()
    };
    let old = source["secret_token"].clone();
    assert_eq!(deliver(&old, "a").await, 202);

    let asked = json!({ "overlap_hours": 1 });
    let rotated = world.post(&rotate, &asked).await.with(200)["alert_source"].clone();
    let new = rotated["secret_token"].clone();
    assert_ne!(new, old);
    let until = rotated["previous_secret_valid_until"].as_str().unwrap();
    assert!(until.starts_with("2027-01-15T09:00:00"), "{until}");
    world.pass(60);
    assert_eq!((deliver(&old, "b").await, deliver(&new, "c").await), (202, 202));
    let flipped = json!(format!("{}x", old.as_str().unwrap()));
    assert_eq!(deliver(&flipped, "d").await, 401);

    // The client that asks again, or sends the source back as it was shown, takes no secret from its senders.
    assert_eq!(world.post(&rotate, &asked).await.refused(422), "overlap_hours");
    let same = json!({ "secret_token": new, "overlap_hours": 1 });
    let unchanged = world.post(&rotate, &same).await.with(200)["alert_source"].clone();
    assert_eq!(unchanged["previous_secret_valid_until"], until);
    let sent_back = changed(&source_of("http"), "/secret_token", new.clone());
    world.put(&format!("/v2/alert_sources/{}", id(&source)), &sent_back).await.with(200);
    world.pass(3539);
    assert_eq!(deliver(&old, "e").await, 202);
    world.pass(1);
    assert_eq!((deliver(&old, "f").await, deliver(&new, "g").await), (401, 202));
    let shown = world.get(&format!("/v2/alert_sources/{}", id(&source))).await.with(200);
    assert_eq!(shown["alert_source"].get("previous_secret_valid_until"), None);

    // Somebody has it who should not: it holds no longer, at once.
    let at_once = world.post(&rotate, &json!({ "overlap_hours": 0 })).await.with(200);
    world.pass(31);
    assert_eq!(deliver(&new, "h").await, 401);
    assert_eq!(deliver(&at_once["alert_source"]["secret_token"], "i").await, 202);
    let refused = world.post(&rotate, &json!({ "overlap_hours": 721 })).await;
    assert_eq!(refused.refused(422), "overlap_hours");
}

#[tokio::test]
async fn every_kind_says_how_its_sender_is_set_up_and_what_its_alerts_offer() {
    let world = World::new().await;

    let listed = world.get("/v2/alert_source_types").await.with(200);

    let kinds = listed["alert_source_types"].as_array().unwrap();
    assert_eq!(kinds.len(), sources::all().len());
    for kind in kinds {
        assert!(kind["set_up"].as_str().unwrap().contains("{secret}"), "{}", kind["source_type"]);
        let has_address = kind["has_address"].as_bool().unwrap();
        assert!(!has_address || kind["set_up"].as_str().unwrap().contains("{url"), "{}", kind["source_type"]);
        assert!(!kind["example"].is_null() && kind["example"] != kind["example_resolved"]);
        // What it names can be bound: the kind's own words make a source.
        let mut body = source_of(kind["source_type"].as_str().unwrap());
        body["template"]["title"] = json!({ "reference": kind["variables"][0]["reference"] });
        let validated = world.post("/v2/alert_sources/actions/validate", &body).await;
        assert_eq!(validated.status, 204, "{}: {}", kind["source_type"], validated.body);
    }
    let sentry = kinds.iter().find(|kind| kind["source_type"] == "sentry").unwrap();
    assert_eq!(sentry["signature_headers"], json!(["sentry-hook-signature"]));
}
