//! People.

use serde_json::json;

use crate::world::{World, changed, id};

#[tokio::test]
async fn person_comes_back_as_they_were_sent_and_is_found_by_their_address() {
    let world = World::new().await;

    let sent = json!({ "name": "Ada \u{202e}\u{0}🔥", "email": "ada@home.example", "role": "administrator" });
    let user = world.post("/v2/users", &sent).await.with(201)["user"].clone();

    for field in ["name", "email", "role"] {
        assert_eq!(user[field], sent[field]);
    }
    assert_eq!(world.get(&format!("/v2/users/{}", id(&user))).await.with(200)["user"], user);
    let found = world.get("/v2/users?email=Ada%40home.example").await.with(200);
    assert_eq!(found["users"], json!([user]));
    assert_eq!(world.get("/v2/users?email=nobody%40home.example").await.with(200)["users"], json!([]));
    assert_eq!(world.get("/v2/users?slack_user_id=U1").await.with(200)["users"], json!([]));
}

#[tokio::test]
async fn list_of_people_goes_on_where_its_page_ended() {
    let world = World::new().await;
    for name in ["a", "b", "c", "d"] {
        world.person(name).await;
    }

    let pages = world.pages("/v2/users?page_size=2", "users").await;

    let names: Vec<Vec<&str>> =
        pages.iter().map(|page| page.iter().map(|user| user["name"].as_str().unwrap()).collect()).collect();
    assert_eq!(names, [vec!["Olive Owner", "a"], vec!["b", "c"], vec!["d"]]);
}

#[tokio::test]
async fn person_who_makes_no_sense_is_refused_by_field() {
    let world = World::new().await;
    let good = json!({ "name": "Ada", "email": "ada@home.example", "role": "viewer" });

    for (pointer, value, field) in [
        ("/name", json!(null), "name"),
        ("/name", json!(7), "name"),
        ("/name", json!(""), "name"),
        ("/email", json!(null), "email"),
        ("/email", json!("nonsense"), "email"),
        ("/email", json!(["a@b.example"]), "email"),
        ("/role", json!("emperor"), "role"),
        ("/email", json!("owner@home.example"), "email"),
    ] {
        let answer = world.post("/v2/users", &changed(&good, pointer, value.clone())).await;
        assert_eq!(answer.refused(422), field, "{pointer} {value}");
    }
    let missing = world.post("/v2/users", &changed(&good, "/name", json!(null))).await;
    assert_eq!(missing.body["errors"][0]["code"], "is_required");
}

#[tokio::test]
async fn methods_and_rules_come_back_as_they_were_sent() {
    let world = World::new().await;
    let user = world.person("ada").await;
    let (methods, rules) =
        (format!("/v2/users/{user}/notification_methods"), format!("/v2/users/{user}/notification_rules"));

    let sent = json!({ "method_type": "email", "address": "ada+pager@home.example" });
    let method = world.post(&methods, &sent).await.with(201)["notification_method"].clone();
    assert_eq!((&method["method_type"], &method["address"]), (&sent["method_type"], &sent["address"]));
    assert_eq!(method["is_usable"], true);
    let listed = world.get(&methods).await.with(200);
    assert_eq!(listed["notification_methods"].as_array().unwrap().len(), 2);
    assert_eq!(listed["notification_methods"][1], method);

    let before = world.get(&rules).await.with(200);
    assert_eq!(world.put(&rules, &before).await.with(200), before, "what a GET returns can be sent back");
    let sent = json!({ "notification_rules": [
        {
            "rule_type": "high_urgency",
            "method_type": "email",
            "delay_seconds": 0,
            "method_target": { "type": "specific", "specific": { "id": id(&method) } },
        },
        { "rule_type": "low_urgency", "method_type": "email", "delay_seconds": 600, "method_target": { "type": "all" } },
    ]});
    let set = world.put(&rules, &sent).await.with(200);
    for n in 0..2 {
        for field in ["rule_type", "method_type", "delay_seconds"] {
            assert_eq!(set["notification_rules"][n][field], sent["notification_rules"][n][field]);
        }
    }
    assert_eq!(set["notification_rules"][0]["method_target"], sent["notification_rules"][0]["method_target"]);
    assert_eq!(set["notification_rules"][1]["method_target"]["type"], "all");
    assert_eq!(world.get(&rules).await.with(200), set);
}

#[tokio::test]
async fn secret_of_a_webhook_is_shown_once_and_sealed() {
    let world = World::new().await;
    let user = world.person("ada").await;
    let methods = format!("/v2/users/{user}/notification_methods");
    let sent = json!({ "method_type": "webhook", "address": "https://hooks.example.com/firebell" });

    let made = world.post(&methods, &sent).await.with(201)["notification_method"].clone();
    let other = world.post(&methods, &sent).await.with(201)["notification_method"].clone();

    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == "whsec_".len() + 32, "{secret}");
    assert_ne!(made["secret"], other["secret"]);
    let listed = world.get(&methods).await.with(200);
    assert_eq!(listed["notification_methods"][1]["address"], sent["address"]);
    for hidden in [listed, world.get(&format!("/v2/users/{user}")).await.with(200)] {
        assert!(
            !hidden.to_string().contains("whsec_") && !hidden.to_string().contains("\"secret\""),
            "{hidden}"
        );
    }
    let org = world.context.store.home().await.unwrap().unwrap();
    let stored = world.context.store.user(org, user.parse().unwrap()).await.unwrap().unwrap();
    assert!(!serde_json::to_string(&stored).unwrap().contains(secret), "the secret stands open in the table");
}

#[tokio::test]
async fn webhook_into_a_private_network_is_refused() {
    let world = World::new().await;
    let methods = format!("/v2/users/{}/notification_methods", world.person("ada").await);

    for address in [
        "http://hooks.example.com/",
        "https://user:secret@hooks.example.com/",
        "https://127.0.0.1/",
        "https://localhost:8080/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:10.0.0.1]/",
        "hooks.example.com",
        "javascript:alert(1)",
        &format!("https://hooks.example.com/{}", "x".repeat(1000)),
    ] {
        let sent = json!({ "method_type": "webhook", "address": address });
        assert_eq!(world.post(&methods, &sent).await.refused(422), "address", "{address}");
    }
}

#[tokio::test]
async fn method_and_rule_that_make_no_sense_are_refused_by_field() {
    let world = World::new().await;
    let user = world.person("ada").await;
    let (methods, rules) =
        (format!("/v2/users/{user}/notification_methods"), format!("/v2/users/{user}/notification_rules"));

    let method = json!({ "method_type": "email", "address": "a@home.example" });
    for (pointer, value, field) in [
        ("/method_type", json!("carrier_pigeon"), "method_type"),
        ("/address", json!("x"), "address"),
        ("/address", json!(null), "address"),
    ] {
        assert_eq!(world.post(&methods, &changed(&method, pointer, value)).await.refused(422), field);
    }
    let rule = json!({ "notification_rules": [
        { "rule_type": "high_urgency", "method_type": "email", "method_target": { "type": "all" } },
    ]});
    for (pointer, value, field) in [
        ("/notification_rules", json!(null), "notification_rules"),
        ("/notification_rules/0/rule_type", json!("loud"), "notification_rules.0.rule_type"),
        ("/notification_rules/0/delay_seconds", json!(90_000), "notification_rules.0.delay_seconds"),
        ("/notification_rules/0/delay_seconds", json!(-1), "notification_rules.0.delay_seconds"),
        (
            "/notification_rules/0/method_target",
            json!({ "type": "specific" }),
            "notification_rules.0.method_target.specific",
        ),
        (
            "/notification_rules/0/method_target",
            json!({ "type": "specific", "specific": { "id": "01FCNDV6P870EA6S7TK1DSYDG0" } }),
            "notification_rules.0.method_target.specific.id",
        ),
    ] {
        assert_eq!(
            world.put(&rules, &changed(&rule, pointer, value.clone())).await.refused(422),
            field,
            "{value}"
        );
    }
}
