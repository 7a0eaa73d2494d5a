//! Escalation paths.

use serde_json::{Value, json};

use crate::world::{World, changed, id, path_of};

#[tokio::test]
async fn path_comes_back_as_it_was_sent() {
    let world = World::new().await;
    let user = world.person("ada").await;
    let mut sent = path_of(&user);
    sent["team_ids"] = json!(["01JPQA75EPNEES4479P16P4XAB"]);
    sent["path"][0]["level"]["round_robin_config"] = json!({ "enabled": false });

    let made = world.post("/v2/escalation_paths", &sent).await.with(201)["escalation_path"].clone();

    for field in ["name", "path", "working_hours", "team_ids"] {
        assert_eq!(made[field], sent[field], "{field}");
    }
    assert_eq!((&made["kind"], &made["current_responders"]), (&json!("standalone"), &json!([])));
    assert_eq!(
        world.get(&format!("/v2/escalation_paths/{}", id(&made))).await.with(200)["escalation_path"],
        made
    );
}

#[tokio::test]
async fn path_that_cannot_be_honoured_is_refused_by_field() {
    let world = World::new().await;
    let good = path_of(&world.person("ada").await);
    let level = "/path/0/level";

    let cases: Vec<(String, Value, &str)> = vec![
        ("/name".to_owned(), json!(null), "name"),
        ("/name".to_owned(), json!(""), "name"),
        ("/path".to_owned(), json!(null), "path"),
        ("/path".to_owned(), json!([]), "path"),
        ("/path/0/type".to_owned(), json!("if_else"), "path.0.type"),
        ("/path/0/type".to_owned(), json!("repeat"), "path.0.type"),
        ("/path/0/type".to_owned(), json!("notify_channel"), "path.0.type"),
        ("/path/0/type".to_owned(), json!("delay"), "path.0.type"),
        (level.to_owned(), json!(null), "path.0.level"),
        (format!("{level}/targets"), json!([]), "path.0.level.targets"),
        (format!("{level}/targets/0/type"), json!("schedule"), "path.0.level.targets.0.type"),
        (format!("{level}/targets/0/type"), json!("slack_channel"), "path.0.level.targets.0.type"),
        (format!("{level}/targets/0/id"), json!("lawrencejones"), "path.0.level.targets.0.id"),
        (format!("{level}/targets/0/id"), json!("01FCNDV6P870EA6S7TK1DSYDG0"), "path.0.level.targets.0.id"),
        (format!("{level}/targets/0/urgency"), json!("shrill"), "path.0.level.targets.0.urgency"),
        (format!("{level}/ack_mode"), json!("all"), "path.0.level.ack_mode"),
        (format!("{level}/time_to_ack_seconds"), json!(0), "path.0.level.time_to_ack_seconds"),
        (format!("{level}/time_to_ack_seconds"), json!(-1), "path.0.level.time_to_ack_seconds"),
        (format!("{level}/time_to_ack_seconds"), json!(1.5), "path.0.level.time_to_ack_seconds"),
        (
            format!("{level}/retry_config"),
            json!({ "attempts": 1, "interval_seconds": 9 }),
            "path.0.level.retry_config",
        ),
        (
            format!("{level}/round_robin_config"),
            json!({ "enabled": true }),
            "path.0.level.round_robin_config.enabled",
        ),
        (
            format!("{level}/time_to_ack_interval_condition"),
            json!("active"),
            "path.0.level.time_to_ack_interval_condition",
        ),
        ("/repeat_config".to_owned(), json!({ "repeat_after_seconds": 9 }), "repeat_config"),
        ("/kind".to_owned(), json!("templated"), "kind"),
    ];
    for (pointer, value, field) in cases {
        let answer = world.post("/v2/escalation_paths", &changed(&good, &pointer, value.clone())).await;
        assert_eq!(answer.refused(422), field, "{pointer} {value}");
    }
    assert_eq!(world.get("/v2/escalation_paths").await.with(200)["escalation_paths"], json!([]));
}

#[tokio::test]
async fn escalation_goes_on_as_it_began_when_its_path_is_changed_or_deleted() {
    let world = World::new().await;
    let (ada, bob) = (world.person("ada").await, world.person("bob").await);
    let path = world.path(&ada).await;
    let call = |key: &str| json!({ "idempotency_key": key, "title": "x", "escalation_path_id": path });
    let begun = id(&world.post("/v2/escalations", &call("1")).await.with(201)["escalation"]);

    let url = format!("/v2/escalation_paths/{path}");
    let renamed = changed(&path_of(&bob), "/name", json!("Renamed"));
    let updated = world.put(&url, &renamed).await.with(200)["escalation_path"].clone();

    assert_eq!((&updated["name"], &updated["path"]), (&json!("Renamed"), &renamed["path"]));
    assert_eq!(world.put(&url, &changed(&renamed, "/path", json!([]))).await.refused(422), "path");
    assert_eq!(world.get(&url).await.with(200)["escalation_path"], updated);
    world.delete(&url).await.with(204);
    world.get(&url).await.refused(404);
    world.delete(&url).await.refused(404);
    world.put(&url, &renamed).await.refused(404);
    assert_eq!(world.post("/v2/escalations", &call("2")).await.refused(422), "escalation_path_id");
    let still = world.get(&format!("/v2/escalations/{begun}")).await.with(200)["escalation"].clone();
    assert_eq!((&still["status"], &still["escalation_path_id"]), (&json!("triggered"), &json!(path)));
}

#[tokio::test]
async fn list_of_paths_goes_on_where_its_page_ended() {
    let world = World::new().await;
    let user = world.person("ada").await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(world.path(&user).await);
    }

    let pages = world.pages("/v2/escalation_paths?page_size=2", "escalation_paths").await;

    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(pages.concat().iter().map(id).collect::<Vec<_>>(), ids);
}
