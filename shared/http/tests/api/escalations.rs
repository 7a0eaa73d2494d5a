//! Escalations.

use domain::id::{EscalationId, OrgId};
use domain::job::lease::Leased;
use serde_json::{Value, json};
use store::Commit;

use crate::world::{World, changed, event, id, route_of};

fn call(key: &str, path: &str) -> Value {
    json!({ "idempotency_key": key, "title": "Database is slow", "description": "For an hour", "escalation_path_id": path })
}

async fn org(world: &World) -> OrgId {
    world.context.store.home().await.unwrap().unwrap()
}

#[tokio::test]
async fn escalation_that_somebody_asks_for_pages_the_first_level_at_once() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let path = world.path(&ada).await;

    let made = world.post("/v2/escalations", &call("once", &path)).await.with(201)["escalation"].clone();

    assert_eq!((&made["title"], &made["description"]), (&json!("Database is slow"), &json!("For an hour")));
    assert_eq!((&made["status"], &made["escalation_path_id"]), (&json!("triggered"), &json!(path)));
    assert_eq!(made["events"][0]["event"], "triggered");
    assert_eq!(made["creator"]["api_key"]["name"], "first key");
    assert_eq!((&made["related_alerts"], &made["related_incidents"]), (&json!([]), &json!([])));
    let (_, pages) =
        world.context.store.escalation_story(org(&world).await, id(&made).parse().unwrap()).await.unwrap();
    assert_eq!(pages.len(), 1);
    assert_eq!((pages[0].address.as_str(), &*pages[0].user.to_string()), ("ada@home.example", &*ada));
    assert_eq!(world.get(&format!("/v2/escalations/{}", id(&made))).await.with(200)["escalation"], made);
}

#[tokio::test]
async fn same_key_begins_nothing_twice_even_at_the_same_moment() {
    let world = World::new().await;
    let path = world.path(&world.person("ada").await).await;

    let body = call("once", &path);
    let asks = (0..8).map(|_| world.post("/v2/escalations", &body));
    let answers = futures_util::future::join_all(asks).await;

    let ids: Vec<String> = answers.into_iter().map(|answer| id(&answer.with(201)["escalation"])).collect();
    assert!(ids.iter().all(|one| *one == ids[0]), "{ids:?}");
    let changed = changed(&body, "/title", json!("Another title"));
    assert_eq!(
        world.post("/v2/escalations", &changed).await.with(201)["escalation"]["title"],
        "Database is slow"
    );
    assert_eq!(world.pages("/v2/escalations", "escalations").await[0].len(), 1);
}

#[tokio::test]
async fn escalation_that_makes_no_sense_is_refused_by_field() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let good = call("key", &world.path(&ada).await);
    let nothing = "01FCNDV6P870EA6S7TK1DSYDG0";

    for (pointer, value, field) in [
        ("/idempotency_key", json!(null), "idempotency_key"),
        ("/idempotency_key", json!(""), "idempotency_key"),
        ("/title", json!(null), "title"),
        ("/title", json!(" "), "title"),
        ("/escalation_path_id", json!(null), "escalation_path_id"),
        ("/escalation_path_id", json!("x"), "escalation_path_id"),
        ("/escalation_path_id", json!(nothing), "escalation_path_id"),
        ("/user_ids", json!([ada]), "user_ids"),
        ("/incident_id", json!(nothing), "incident_id"),
    ] {
        let answer = world.post("/v2/escalations", &changed(&good, pointer, value.clone())).await;
        assert_eq!(answer.refused(422), field, "{pointer} {value}");
    }
    let to_users = changed(&good, "/escalation_path_id", json!(null));
    for (users, field) in
        [(json!([]), "user_ids"), (json!([nothing]), "user_ids.0"), (json!(["x"]), "user_ids.0")]
    {
        let answer = world.post("/v2/escalations", &changed(&to_users, "/user_ids", users)).await;
        assert_eq!(answer.refused(422), field);
    }
    assert_eq!(world.get("/v2/escalations").await.with(200)["escalations"], json!([]));
}

#[tokio::test]
async fn sixty_a_minute_and_no_more_are_begun_by_one_key() {
    let world = World::new().await;
    let path = world.path(&world.person("ada").await).await;

    let first = world.post("/v2/escalations", &call("key", &path)).await;
    assert_eq!(first.headers["x-ratelimit-limit"], "60, 1200;window=60, 60;window=60");
    assert_eq!(first.headers["x-ratelimit-remaining"], "59");
    for _ in 1..60 {
        world.post("/v2/escalations", &call("key", &path)).await.with(201);
    }
    let refused = world.post("/v2/escalations", &call("key", &path)).await;

    refused.refused(429);
    assert_eq!(refused.body["rate_limit"]["limit"], 60);
    assert_eq!(refused.headers["x-ratelimit-limit"], "60, 1200;window=60, 60;window=60");
    assert!(refused.headers.contains_key("retry-after"));
    world.get("/v2/escalations").await.with(200);
}

#[tokio::test]
async fn acknowledgement_counts_once_and_is_in_the_history() {
    let world = World::new().await;
    let path = world.path(&world.person("ada").await).await;
    let url = format!(
        "/v2/escalations/{}",
        id(&world.post("/v2/escalations", &call("k", &path)).await.with(201)["escalation"])
    );
    let respond = format!("{url}/actions/respond");

    world.pass(5);
    assert_eq!(world.post(&respond, &json!({ "response": "ack" })).await.with(200), Value::Null);
    world.post(&respond, &json!({ "response": "ack" })).await.with(200);

    let shown = world.get(&url).await.with(200)["escalation"].clone();
    assert_eq!(shown["status"], "acked");
    let events: Vec<&str> =
        shown["events"].as_array().unwrap().iter().map(|e| e["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["triggered", "acked"]);
    world.post(&format!("{url}/actions/cancel"), &json!({})).await.with(200);
    world.post(&format!("{url}/actions/cancel"), &json!({})).await.with(200);
    assert_eq!(world.get(&url).await.with(200)["escalation"]["status"], "cancelled");
    world.post(&respond, &json!({ "response": "ack" })).await.refused(409);
}

#[tokio::test]
async fn answer_that_a_key_cannot_give_is_refused_and_changes_nothing() {
    let world = World::new().await;
    let path = world.path(&world.person("ada").await).await;
    let url = format!(
        "/v2/escalations/{}",
        id(&world.post("/v2/escalations", &call("k", &path)).await.with(201)["escalation"])
    );
    let respond = format!("{url}/actions/respond");

    for body in [
        json!({ "response": "nack" }),
        json!({ "response": "snooze", "snooze_details": { "snooze_until": "2027-01-16T00:00:00Z" } }),
        json!({ "response": "shrug" }),
        json!({}),
    ] {
        assert_eq!(world.post(&respond, &body).await.refused(422), "response", "{body}");
    }
    assert_eq!(world.get(&url).await.with(200)["escalation"]["status"], "triggered");
}

#[tokio::test]
async fn escalation_of_an_alert_shows_its_alert_and_incident_and_is_found_by_them() {
    let world = World::new().await;
    let (source, ada) = (world.source().await, world.person("ada").await);
    let path = world.path(&ada).await;
    world.post("/v2/alert_routes", &route_of(&id(&source), &path)).await.with(201);
    world.deliver(&source, &event("db", "firing")).await;
    let by_hand = json!({ "idempotency_key": "k", "title": "By hand", "user_ids": [ada] });
    let by_hand = world.post("/v2/escalations", &by_hand).await.with(201)["escalation"].clone();

    let (alert, incident) = (
        world.get("/v2/alerts").await.with(200)["alerts"][0].clone(),
        world.get("/v2/incidents").await.with(200)["incidents"][0].clone(),
    );
    let list = async |query: &str| {
        let found = world.get(&format!("/v2/escalations?{query}")).await.with(200);
        found["escalations"].as_array().unwrap().clone()
    };
    let [of_alert] = <[Value; 1]>::try_from(list(&format!("alert[one_of]={}", id(&alert))).await).unwrap();
    assert_eq!(of_alert["related_alerts"][0]["id"], alert["id"]);
    assert_eq!(of_alert["related_alerts"][0]["title"], "db is broken");
    assert_eq!(of_alert["related_incidents"][0]["reference"], "INC-1");
    assert_eq!(of_alert["related_incidents"][0]["external_id"], 1);
    assert_eq!(of_alert["creator"]["alert"]["id"], alert["id"]);
    assert_eq!(list(&format!("incident[one_of]={}", id(&incident))).await, std::slice::from_ref(&of_alert));
    assert_eq!(list(&format!("escalation_path[one_of]={path}")).await, std::slice::from_ref(&of_alert));
    assert_eq!(list(&format!("escalation_path[not_in]={path}")).await, std::slice::from_ref(&by_hand));
    assert_eq!(list("idempotency_key[is]=k").await, std::slice::from_ref(&by_hand));
    assert_eq!(list("idempotency_key[is]=unknown").await, Vec::<Value>::new());
    assert_eq!(list("status[one_of]=triggered").await, [by_hand.clone(), of_alert.clone()]);
    assert_eq!(list("status[one_of]=acked").await, Vec::<Value>::new());
    assert_eq!(list("status[not_in]=triggered").await, Vec::<Value>::new());
    assert_eq!(world.get("/v2/escalations?priority[one_of]=x").await.refused(422), "priority[one_of]");
    assert_eq!(
        world.pages("/v2/escalations?page_size=1", "escalations").await,
        [vec![by_hand], vec![of_alert]]
    );
}

#[tokio::test]
async fn page_that_was_delivered_is_in_the_history_with_whom_it_reached() {
    let world = World::new().await;
    let ada = world.person("ada").await;
    let made =
        world.post("/v2/escalations", &call("k", &world.path(&ada).await)).await.with(201)["escalation"]
            .clone();
    let (store, escalation) = (&world.context.store, id(&made).parse::<EscalationId>().unwrap());
    let (_, pages) = store.escalation_story(org(&world).await, escalation).await.unwrap();

    world.pass(1);
    let claimed = pages[0].claim(world.context.now()).unwrap();
    let page = claimed.after().clone();
    store.claim(claimed).await.unwrap();
    let delivered = page.delivered("250 ok", world.context.now()).unwrap();
    store.commit(Commit::new().transition(delivered)).await.unwrap();

    let shown = world.get(&format!("/v2/escalations/{escalation}")).await.with(200)["escalation"].clone();
    let notified = &shown["events"][1];
    assert_eq!((&notified["event"], &notified["urgency"]), (&json!("notified_users"), &json!("high")));
    assert_eq!(notified["users"][0]["email"], "ada@home.example");
}
