//! Alerts.

use serde_json::{Value, json};

use crate::world::{World, event, id};

fn keys(pages: &[Vec<Value>]) -> Vec<Vec<&str>> {
    let key = |alert: &'_ Value| -> &'static str {
        Box::leak(alert["deduplication_key"].to_string().into_boxed_str())
    };
    pages.iter().map(|page| page.iter().map(|alert| key(alert).trim_matches('"')).collect()).collect()
}

#[tokio::test]
async fn alert_shows_what_its_newest_delivery_says() {
    let world = World::new().await;
    let source = world.source().await;
    world.deliver(&source, &event("db", "firing")).await;

    let first = world.get("/v2/alerts").await.with(200)["alerts"][0].clone();
    assert_eq!(first["title"], "db is broken");
    assert_eq!(first["description"], "Look at the runbook", "the template sets it");
    assert_eq!(first["source_url"], "https://sender.example/x");
    assert_eq!((&first["status"], &first["alert_source_id"]), (&json!("firing"), &source["id"]));
    assert_eq!(first["attributes"], json!([]));

    let mut newer = event("db", "firing");
    newer["title"] = json!("db is burning");
    world.pass(60);
    world.deliver(&source, &newer).await;

    let path = format!("/v2/alerts/{}", id(&first));
    let shown = world.get(&path).await.with(200)["alert"].clone();
    assert_eq!(shown["title"], "db is burning");
    assert_eq!(shown["created_at"], first["created_at"]);
    assert_ne!(shown["updated_at"], first["updated_at"]);
    assert_eq!(world.get("/v2/alerts").await.with(200)["alerts"], json!([shown]));
}

#[tokio::test]
async fn alert_that_flaps_says_so_until_it_was_quiet() {
    let world = World::new().await;
    let source = world.source().await;
    let newest = async || {
        let listed = world.get("/v2/alerts").await.with(200)["alerts"][0].clone();
        world.get(&format!("/v2/alerts/{}", id(&listed))).await.with(200)["alert"].clone()
    };
    world.deliver(&source, &event("db", "firing")).await;
    assert_eq!(newest().await.get("flapping"), None);

    for _ in 0..4 {
        world.pass(30);
        world.deliver(&source, &event("db", "resolved")).await;
        world.pass(30);
        world.deliver(&source, &event("db", "firing")).await;
    }

    let shown = newest().await;
    assert_eq!((&shown["status"], &shown["flapping"]), (&json!("firing"), &json!(true)));
    world.pass(600);
    assert_eq!(newest().await.get("flapping"), None);
}

#[tokio::test]
async fn alert_resolved_by_hand_is_resolved_and_stays_so() {
    let world = World::new().await;
    let source = world.source().await;
    world.deliver(&source, &event("db", "firing")).await;
    let path = format!("/v2/alerts/{}", id(&world.get("/v2/alerts").await.with(200)["alerts"][0]));

    let resolved =
        world.post(&format!("{path}/actions/resolve"), &json!({})).await.with(200)["alert"].clone();

    assert_eq!(resolved["status"], "resolved");
    assert!(resolved["resolved_at"].is_string());
    assert_eq!(world.post(&format!("{path}/actions/resolve"), &json!({})).await.with(200)["alert"], resolved);
    assert_eq!(world.get(&path).await.with(200)["alert"], resolved);
}

#[tokio::test]
async fn alert_that_is_over_fires_again_when_it_is_asked_to() {
    let world = World::new().await;
    let source = world.source().await;
    world.deliver(&source, &event("db", "firing")).await;
    let first = world.get("/v2/alerts").await.with(200)["alerts"][0].clone();
    let again = format!("/v2/alerts/{}/actions/retrigger", id(&first));
    assert_eq!(world.post(&again, &json!({})).await.with(202)["alert_id"], first["id"], "it fires already");
    world.post(&format!("/v2/alerts/{}/actions/resolve", id(&first)), &json!({})).await.with(200);
    world.pass(60);

    let next = world.post(&again, &json!({})).await.with(202)["alert_id"].clone();
    world.handle().await;

    let shown = world.get(&format!("/v2/alerts/{}", next.as_str().unwrap())).await.with(200)["alert"].clone();
    assert_eq!((&shown["status"], &shown["title"]), (&json!("firing"), &first["title"]));
    assert_eq!(shown["deduplication_key"], first["deduplication_key"]);
    assert_eq!(world.post(&again, &json!({})).await.with(202)["alert_id"], next);
}

#[tokio::test]
async fn list_is_newest_first_and_filtered_as_asked() {
    let world = World::new().await;
    let (one, two) = (world.source().await, world.source().await);
    for key in ["a", "b", "c", "d", "e"] {
        world.deliver(if key < "c" { &one } else { &two }, &event(key, "firing")).await;
        world.pass(3600);
    }
    world.deliver(&one, &event("a", "resolved")).await;
    // The clock begins at 2027-01-15T08:00:00Z.
    let list = async |query: &str| {
        let pages = world.pages(&format!("/v2/alerts?page_size=2{query}"), "alerts").await;
        keys(&pages).into_iter().map(|page| page.concat()).collect::<Vec<_>>()
    };

    assert_eq!(list("").await, ["ed", "cb", "a"]);
    assert_eq!(list("&status[one_of]=firing").await, ["ed", "cb"]);
    assert_eq!(list("&status[one_of]=resolved").await, ["a"]);
    assert_eq!(list("&status%5Bnot_in%5D=resolved").await, ["ed", "cb"]);
    assert_eq!(list(&format!("&alert_source[one_of]={}", id(&one))).await, ["ba"]);
    assert_eq!(list(&format!("&alert_source[not_in]={}", id(&one))).await, ["ed", "c"]);
    assert_eq!(list("&deduplication_key[is]=b").await, ["b"]);
    assert_eq!(list("&deduplication_key[is]=none").await, [""]);
    assert_eq!(list("&created_at[gte]=2027-01-15T09:30:00Z").await, ["ed", "c"]);
    assert_eq!(list("&created_at[lte]=2027-01-15T09:30:00Z").await, ["ba"]);
    assert_eq!(list("&created_at[gte]=2027-01-15&created_at[lte]=2027-01-15").await, ["ed", "cb", "a"]);
    assert_eq!(list("&created_at[date_range]=2027-01-10~2027-01-14").await, [""]);
    assert_eq!(list(&format!("&status[one_of]=firing&alert_source[one_of]={}", id(&one))).await, ["b"]);
}

#[tokio::test]
async fn filter_that_cannot_be_honoured_is_refused_by_name() {
    let world = World::new().await;

    for (query, field) in [
        ("status[is]=firing", "status[is]"),
        ("status=firing", "status"),
        ("include_maintenance_window[is]=true", "include_maintenance_window[is]"),
        ("attributes[01FCNDV6P870EA6S7TK1DSYDG0][gte]=x", "attributes[01FCNDV6P870EA6S7TK1DSYDG0][gte]"),
        ("created_at[gte]=yesterday", "created_at[gte]"),
        ("created_at[date_range]=2027-01-10", "created_at[date_range]"),
        ("updated_at[lte]=soon", "updated_at[lte]"),
    ] {
        assert_eq!(world.get(&format!("/v2/alerts?{query}")).await.refused(422), field, "{query}");
    }
}

#[tokio::test]
async fn list_is_filtered_by_id_priority_and_attributes_and_searched_by_words() {
    let world = World::new().await;
    let sent = json!({ "name": "Team", "type": "String", "array": false, "required": false });
    let team = id(&world.post("/v2/alert_attributes", &sent).await.with(201)["alert_attribute"]);
    let binding = json!({ "value": { "reference": "payload.metadata.team" } });
    let bound = json!([{ "alert_attribute_id": team, "binding": binding }]);
    let asked = crate::world::changed(&crate::world::source_of("http"), "/template/attributes", bound);
    let source = world.post("/v2/alert_sources", &asked).await.with(200)["alert_source"].clone();
    for (key, team, priority) in
        [("db", "storage", "high"), ("web", "shop", "low"), ("cache", "storage", "low")]
    {
        let mut event = event(key, "firing");
        event["metadata"] = json!({ "team": team, "priority": priority });
        world.deliver(&source, &event).await;
    }
    let found = async |query: &str| {
        let page = world.get(&format!("/v2/alerts?{query}")).await.with(200);
        let keys = page["alerts"].as_array().unwrap().iter();
        keys.map(|alert| alert["deduplication_key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };

    assert_eq!(found(&format!("attributes[{team}][one_of]=storage")).await, ["cache", "db"]);
    assert_eq!(found(&format!("attributes[{team}][not_in]=storage")).await, ["web"]);
    assert_eq!(found("priority[one_of]=low").await, ["cache", "web"]);
    let all = world.get("/v2/alerts").await.with(200)["alerts"].clone();
    assert_eq!(found(&format!("id[one_of]={}", id(&all[0]))).await, ["cache"]);
    // Every word, wherever it is: title, key, attributes.
    assert_eq!(found("search=BROKEN").await, ["cache", "web", "db"]);
    assert_eq!(found("search=broken+storage").await, ["cache", "db"]);
    assert_eq!(found("search=storage+db").await, ["db"]);
    assert_eq!(found("search=nowhere").await, [""; 0]);
    assert_eq!(found(&format!("search=storage&attributes[{team}][is]=shop")).await, [""; 0]);
    let long = "x".repeat(201);
    assert_eq!(world.get(&format!("/v2/alerts?search={long}")).await.refused(422), "search");
    assert_eq!(world.get("/v2/alerts?attributes[one_of]=x").await.refused(422), "attributes[one_of]");
}
