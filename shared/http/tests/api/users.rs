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
