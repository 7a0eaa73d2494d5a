//! Events that an alert source keeps from becoming alerts, as customers set it up.

use serde_json::{Value, json};

use crate::world::{World, changed, event, id, source_of};

fn filter(subject: &str, operation: &str, values: &[&str]) -> Value {
    let values: Vec<Value> = values.iter().map(|value| json!({ "literal": value })).collect();
    let params = if values.is_empty() { json!([]) } else { json!([{ "array_value": values }]) };
    json!([{ "conditions": [{ "subject": subject, "operation": operation, "param_bindings": params }] }])
}

async fn alerts(world: &World) -> usize {
    world.get("/v2/alerts").await.with(200)["alerts"].as_array().unwrap().len()
}

#[tokio::test]
async fn filter_is_shown_as_it_was_sent_and_what_it_held_back_is_counted() {
    let world = World::new().await;
    let groups = filter("payload.metadata.team", "one_of", &["storage"]);
    let asked = changed(&source_of("http"), "/filter_condition_groups", groups);
    let source = world.post("/v2/alert_sources", &asked).await.with(200)["alert_source"].clone();
    let condition = &source["filter_condition_groups"][0]["conditions"][0];
    assert_eq!(condition["subject"]["reference"], "payload.metadata.team");
    assert_eq!(condition["operation"]["value"], "one_of");
    assert_eq!(source["state"], "active");

    // The example's team is another one.
    world.deliver(&source, &event("db", "firing")).await;
    world.deliver(&source, &event("web", "firing")).await;

    assert_eq!(alerts(&world).await, 0);
    let path = format!("/v2/alert_sources/{}", id(&source));
    let shown = world.get(&path).await.with(200)["alert_source"].clone();
    assert_eq!((&shown["filtered"][0]["count"], &shown["filtered"][1]), (&json!(2), &Value::Null));
    assert_eq!(shown["filtered"][0]["last_title"], "web is broken");
    assert!(shown["last_delivery_at"].is_string());

    let open = changed(&source_of("http"), "/filter_condition_groups", json!([]));
    world.put(&path, &open).await.with(200);
    world.deliver(&source, &event("db", "firing")).await;
    assert_eq!(alerts(&world).await, 1);
}

#[tokio::test]
async fn filter_or_limit_that_cannot_be_is_refused_by_the_field() {
    let world = World::new().await;
    let refused = async |field: &str, value: Value| {
        let asked = changed(&source_of("http"), &format!("/{field}"), value);
        let created = world.post("/v2/alert_sources", &asked).await.refused(422).to_owned();
        let validated = world.post("/v2/alert_sources/actions/validate", &asked).await;
        assert_eq!(created, validated.refused(422));
        created
    };
    let subject = "filter_condition_groups.0.conditions.0.subject";

    assert_eq!(refused("filter_condition_groups", filter("nowhere", "is_set", &[])).await, subject);
    let gone = filter("expressions[\"gone\"]", "is_set", &[]);
    assert_eq!(refused("filter_condition_groups", gone).await, subject);
    assert_eq!(
        refused("filter_condition_groups", filter("alert.title", "like", &[])).await,
        "filter_condition_groups.0.conditions.0.operation"
    );
    assert_eq!(
        refused("rate_limit", json!({ "alerts_per_minute": 0 })).await,
        "rate_limit.alerts_per_minute"
    );
    assert_eq!(refused("auto_resolve_timeout_minutes", json!(0)).await, "auto_resolve_timeout_minutes");
    assert_eq!(refused("auto_resolve_timeout_minutes", json!("soon")).await, "auto_resolve_timeout_minutes");
    let sharding = json!({ "rate_limit_shard_key_path": "$.metadata.team" });
    assert_eq!(refused("rate_limit_sharding", sharding).await, "rate_limit_sharding");
}

#[tokio::test]
async fn preview_says_that_the_filter_would_hold_it_back() {
    let world = World::new().await;
    let path = "/v2/alert_sources/actions/preview_alerts";
    let trial = |value: &str| {
        let groups = filter("payload.metadata.team", "one_of", &[value]);
        let asked = changed(&source_of("http"), "/filter_condition_groups", groups);
        changed(&asked, "/payload", event("db", "firing"))
    };

    let held = world.post(path, &trial("storage")).await.with(200)["alerts"][0].clone();
    let passed = world.post(path, &trial("platform")).await.with(200)["alerts"][0].clone();

    assert_eq!((&held["filtered"], &held["escalations"]), (&json!(true), &json!([])));
    assert_eq!(passed["filtered"], json!(false));
    assert_ne!(passed["escalations"], json!([]));
}

#[tokio::test]
async fn limit_lets_through_so_many_and_one_alert_stands_for_the_rest() {
    let world = World::new().await;
    let asked = changed(&source_of("http"), "/rate_limit", json!({ "alerts_per_minute": 2 }));
    let sharding = json!({ "rate_limit_shard_key_path": "$.metadata.team" });
    let asked = changed(&asked, "/rate_limit_sharding", sharding);
    let source = world.post("/v2/alert_sources", &asked).await.with(200)["alert_source"].clone();
    assert_eq!(source["rate_limit"]["alerts_per_minute"], 2);

    for name in ["a", "b", "c", "d"] {
        world.deliver(&source, &event(name, "firing")).await;
    }

    let found = world.get("/v2/alerts").await.with(200);
    let mut titles: Vec<&str> =
        found["alerts"].as_array().unwrap().iter().map(|alert| alert["title"].as_str().unwrap()).collect();
    titles.sort_unstable();
    let standing = "More than 2 alerts a minute of `platform` from Production alerts";
    assert_eq!(titles, [standing, "a is broken", "b is broken"]);
}

#[tokio::test]
async fn draft_takes_deliveries_says_that_nobody_is_paged_and_is_activated_once_it_has_one() {
    let world = World::new().await;
    let create = "/v2/alert_sources/actions/create_draft";
    let draft = world.post(create, &source_of("http")).await.with(200)["alert_source"].clone();
    let path = format!("/v2/alert_sources/{}", id(&draft));
    let activate = format!("{path}/actions/activate");
    assert_eq!((&draft["state"], &draft["disabled"]), (&json!("draft"), &json!(false)));
    assert_eq!(world.post(&activate, &json!({})).await.refused(422), "state");
    let disable = changed(&source_of("http"), "/disabled", json!(true));
    assert_eq!(world.put(&path, &disable).await.refused(422), "disabled");
    // A change leaves it a draft.
    world.put(&path, &changed(&source_of("http"), "/disabled", json!(false))).await.with(200);

    let tested = world.post(&format!("{path}/actions/send_test"), &json!({})).await.with(202);
    assert!(tested["message"].as_str().unwrap().contains("nobody is paged"), "{tested}");
    world.handle().await;
    assert_eq!(alerts(&world).await, 0);
    let shown = world.get(&path).await.with(200)["alert_source"].clone();
    assert_eq!(shown["state"], "draft");
    assert_eq!(shown["last_event"]["status"], "firing");
    // Without a payload, a preview shows what came.
    let trial = changed(&source_of("http"), "/alert_source_id", draft["id"].clone());
    let previewed = world.post("/v2/alert_sources/actions/preview_alerts", &trial).await.with(200);
    assert_eq!(previewed["alerts"][0]["title"], shown["last_event"]["title"]);

    let active = world.post(&activate, &json!({})).await.with(200)["alert_source"].clone();
    assert_eq!(active["state"], "active");
    assert_eq!(world.post(&activate, &json!({})).await.with(200)["alert_source"]["state"], "active");
    world.deliver(&draft, &event("db", "firing")).await;
    assert_eq!(alerts(&world).await, 1);
    let shown = world.get(&path).await.with(200);
    assert_eq!(shown["alert_source"].get("last_event"), None);
}

#[tokio::test]
async fn alerts_of_a_source_with_a_timeout_have_a_row_that_says_when_to_look() {
    let world = World::new().await;
    let asked = changed(&source_of("http"), "/auto_resolve_timeout_minutes", json!(30));
    let source = world.post("/v2/alert_sources", &asked).await.with(200)["alert_source"].clone();
    assert_eq!(source["auto_resolve_timeout_minutes"], 30);

    world.deliver(&source, &event("db", "firing")).await;

    let alert = world.get("/v2/alerts").await.with(200)["alerts"][0].clone();
    let lapse = world.context.store.expiry(world.org, id(&alert).parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((lapse.after_s, lapse.spares_incidents), (1800, true));
}

#[tokio::test]
async fn heartbeat_shows_where_it_is_pinged_and_whether_it_is() {
    let world = World::new().await;
    let options = json!({ "interval_seconds": 60, "grace_period_seconds": 30 });
    let without = changed(&source_of("heartbeat"), "/heartbeat_options", json!(null));
    assert_eq!(world.post("/v2/alert_sources", &without).await.refused(422), "heartbeat_options");
    let often = changed(&without, "/heartbeat_options", json!({ "interval_seconds": 1 }));
    assert_eq!(
        world.post("/v2/alert_sources", &often).await.refused(422),
        "heartbeat_options.interval_seconds"
    );
    let asked = changed(&without, "/heartbeat_options", options);
    let source = world.post("/v2/alert_sources", &asked).await.with(200)["alert_source"].clone();
    let shown = &source["heartbeat_options"];
    assert_eq!((&shown["interval_seconds"], &shown["failure_threshold"]), (&json!(60), &json!(1)));
    let ping = shown["ping_url"].as_str().unwrap().trim_start_matches("http://firebell.example").to_owned();
    let path = format!("/v2/alert_sources/{}", id(&source));
    let heartbeat = async || world.get(&path).await.with(200)["alert_source"]["heartbeat"].clone();
    assert_eq!(heartbeat().await, json!({ "status": "waiting" }));

    world.ask("", http::Method::GET, &ping, None).await.with(204);
    assert_eq!(heartbeat().await["status"], "healthy");
    let (bare, _) = ping.split_once('?').unwrap();
    let secret = source["secret_token"].as_str().unwrap();
    world.ask(secret, http::Method::POST, bare, Some(&json!({ "all": "well" }))).await.with(204);
    world.ask("wrong", http::Method::POST, bare, None).await.refused(401);

    // A job can report that it failed, and that it succeeded again.
    world
        .ask(secret, http::Method::POST, bare, Some(&json!({ "status": "failed", "message": "disk" })))
        .await
        .with(204);
    world.handle().await;
    let alert = async || world.get("/v2/alerts").await.with(200)["alerts"][0].clone();
    assert_eq!((&alert().await["title"], &alert().await["status"]), (&json!("disk"), &json!("firing")));
    world.ask(secret, http::Method::POST, bare, Some(&json!({ "status": "ok" }))).await.with(204);
    world.handle().await;
    assert_eq!(alert().await["status"], "resolved");
}
