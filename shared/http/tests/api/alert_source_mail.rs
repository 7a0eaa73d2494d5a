//! Alert sources that are written to.

use serde_json::json;

use crate::world::{World, changed, id, source_of};

#[tokio::test]
async fn source_of_emails_has_an_address_that_only_its_secret_gives() {
    let world = World::new().await;
    let options =
        json!({ "redactions": ["phone_numbers"], "transform_expression": "{\"title\": \"$.subject\"}" });
    let asked = changed(&source_of("email"), "/email_options", options);

    let made = world.post("/v2/alert_sources", &asked).await.with(200)["alert_source"].clone();
    let (own, address) =
        (made["email_options"].clone(), made["email_options"]["email_address"].as_str().unwrap());
    assert_eq!(own["redactions"], json!(["phone_numbers"]));
    assert_eq!(own["transform_expression"], "{\"title\": \"$.subject\"}");
    let (local, domain) = address.split_once('@').unwrap();
    assert_eq!(
        (domain, local.split_once('-').unwrap().0),
        ("alerts.example.com", id(&made).to_lowercase().as_str())
    );
    assert!(!made["secret_token"].as_str().unwrap().contains(local.split_once('-').unwrap().1));

    // As a client that reads, changes and writes has it: the fields that Firebell sets are echoed, and the kind is known.
    let mut echoed = made.clone();
    echoed.as_object_mut().unwrap().remove("source_type");
    let echoed = changed(&echoed, "/email_options/redactions", json!([]));
    let path = format!("/v2/alert_sources/{}", id(&made));
    let after = world.put(&path, &echoed).await.with(200)["alert_source"]["email_options"].clone();
    assert_eq!((&after["redactions"], &after["email_address"]), (&json!([]), &own["email_address"]));

    let rotated = world.post(&format!("{path}/actions/rotate_secret"), &json!({})).await.with(200);
    assert_ne!(rotated["alert_source"]["email_options"]["email_address"], own["email_address"]);
}

#[tokio::test]
async fn options_of_emails_are_for_emails_and_are_checked() {
    let world = World::new().await;
    let cases = [
        ("http", json!({ "redactions": [] }), "email_options"),
        ("email", json!({ "redactions": ["secrets"] }), "email_options.redactions.0"),
        (
            "email",
            json!({ "transform_expression": "{\"tittle\": \"$.a\"}" }),
            "email_options.transform_expression",
        ),
    ];
    for (kind, options, field) in cases {
        let asked = changed(&source_of(kind), "/email_options", options);
        assert_eq!(world.post("/v2/alert_sources", &asked).await.refused(422), field, "{kind}");
    }
    let custom = json!({ "transform_expression": "", "deduplication_key_path": "$.id" });
    let asked = changed(&source_of("email"), "/http_custom_options", custom);
    assert_eq!(world.post("/v2/alert_sources", &asked).await.refused(422), "http_custom_options");
}

#[tokio::test]
async fn preview_shows_what_a_mail_would_become() {
    let world = World::new().await;
    let trial = json!({
        "source_type": "email",
        "template": source_of("email")["template"],
        "email_options": { "redactions": ["credit_card_numbers"] },
        "payload": { "subject": "[RESOLVED] Card 4111 1111 1111 1111", "from": { "address": "shop@example.com" }, "text": "" },
    });

    let shown = world.post("/v2/alert_sources/actions/preview_alerts", &trial).await.with(200);
    let alert = &shown["alerts"][0];
    assert_eq!(
        (&alert["title"], &alert["status"]),
        (&json!("[RESOLVED] Card [credit card number removed]"), &json!("resolved"))
    );
    let key = alert["deduplication_key"].as_str().unwrap();
    assert!(key.starts_with("sha256:"), "what is removed from a key still tells two keys apart: {key}");
}

#[tokio::test]
async fn email_that_this_installation_sent_opens_no_alert() {
    let world = World::new().await;
    let made = world.post("/v2/alert_sources", &source_of("email")).await.with(200)["alert_source"].clone();
    let mail = |headers: serde_json::Value| {
        json!({
            "subject": "Disk of db-1 is full", "message_id": "<1@firebell.example>", "headers": headers,
            "text": "Acknowledge: http://firebell.example/acknowledge/secret.token-1\nhttps://db.example/1",
        })
    };

    world
        .deliver(&made, &mail(json!({ "x-firebell-installation": world.context.seal.installation() })))
        .await;
    assert_eq!(world.get("/v2/alerts").await.with(200)["alerts"], json!([]));
    let shown = world.get(&format!("/v2/alert_sources/{}", id(&made))).await.with(200);
    let reason = shown["alert_source"]["last_error"]["reason"].as_str().unwrap();
    assert!(reason.contains("Firebell itself sent this email"), "{reason}");

    // An email of another sender that is marked as automatic, and contains our link, because somebody forwarded ours.
    world.deliver(&made, &mail(json!({ "auto-submitted": "auto-generated" }))).await;
    let alerts = world.get("/v2/alerts").await.with(200)["alerts"].clone();
    assert_eq!(alerts.as_array().unwrap().len(), 1, "{alerts}");
    assert!(!alerts.to_string().contains("secret.token-1"), "{alerts}");
    let alert = world.get(&format!("/v2/alerts/{}", id(&alerts[0]))).await.with(200);
    assert!(!alert.to_string().contains("secret.token-1"), "{alert}");
}

#[tokio::test]
async fn end_that_resolves_nothing_is_counted_on_its_source() {
    let world = World::new().await;
    let made = world.source().await;

    world.deliver(&made, &crate::world::event("never fired", "resolved")).await;

    let shown = world.get(&format!("/v2/alert_sources/{}", id(&made))).await.with(200);
    let ends = &shown["alert_source"]["unmatched_ends"];
    assert_eq!((&ends[0]["count"], &ends[0]["last_title"]), (&json!(1), &json!("never fired is broken")));

    world.deliver(&made, &crate::world::event("fired", "firing")).await;
    world.deliver(&made, &crate::world::event("fired", "resolved")).await;
    let shown = world.get(&format!("/v2/alert_sources/{}", id(&made))).await.with(200);
    assert_eq!(shown["alert_source"]["unmatched_ends"][0]["count"], 1);
}
