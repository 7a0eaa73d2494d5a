//! What holds for every request: keys, limits, bodies, paths.

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn request_without_a_key_is_refused_and_says_so() {
    let world = World::new().await;

    for path in
        ["/v1/identity", "/v2/users", "/v2/alerts", "/v2/alert_sources", "/v2/escalations", "/v2/incidents"]
    {
        let answer = world.send(Request::get(path).body(Body::empty()).unwrap()).await;
        answer.refused(401);
        assert_eq!(answer.body["errors"][0]["code"], "missing_authorization_material", "{path}");
        assert!(!answer.headers.contains_key("x-ratelimit-limit"), "an unknown key has no allowance");
    }
    for authorization in ["Basic eDp5", "Bearer", "Bearer  ", "fb_x"] {
        let request =
            Request::get("/v2/users").header("authorization", authorization).body(Body::empty()).unwrap();
        world.send(request).await.refused(401);
    }
}

#[tokio::test]
async fn unknown_key_stays_unknown_for_five_seconds_and_no_longer() {
    let world = World::new().await;

    let answer = world.ask("fb_nobody", Method::GET, "/v2/users", None).await;
    answer.refused(401);
    assert_eq!(answer.body["errors"][0]["code"], "invalid_authorization_material");

    let holder = world.context.store.key_holder(&domain::api_key::hash(&world.key)).await.unwrap().unwrap();
    let (context, key) = (&world.context, secrecy::SecretString::from("fb_nobody"));
    app::org::create::admit(&context.store, holder.org, &key, &context.random, context.now()).await.unwrap();
    world.pass(4);
    world.ask("fb_nobody", Method::GET, "/v2/users", None).await.refused(401);
    world.pass(1);
    world.ask("fb_nobody", Method::GET, "/v2/users", None).await.with(200);
}

#[tokio::test]
async fn key_is_told_what_it_has_left_and_refused_when_nothing_is() {
    let world = World::new().await;

    let answer = world.get("/v1/identity").await;
    assert_eq!(answer.headers["x-ratelimit-limit"], "1200, 1200;window=60");
    assert_eq!(answer.headers["x-ratelimit-remaining"], "1199");
    assert_eq!(answer.headers["x-ratelimit-used"], "1");
    assert_eq!(answer.headers["x-ratelimit-reset"], "1800000001");
    for _ in 1..1200 {
        world.get("/v1/identity").await.with(200);
    }
    let answer = world.get("/v1/identity").await;

    answer.refused(429);
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(answer.headers["x-ratelimit-remaining"], "0");
    assert_eq!(answer.body["type"], "too_many_requests");
    let limit = &answer.body["rate_limit"];
    assert_eq!(
        (&limit["name"], &limit["limit"], &limit["remaining"]),
        (&json!("first key"), &json!(1200), &json!(0))
    );
    assert!(limit["retry_after"].as_str().unwrap().parse::<domain::Timestamp>().is_ok());
    world.ask(&world.other, Method::GET, "/v1/identity", None).await.with(200);
    world.pass(1);
    world.get("/v1/identity").await.with(200);
}

#[tokio::test]
async fn body_that_is_no_json_is_refused_with_the_reason() {
    let world = World::new().await;

    for body in ["", "{", "nonsense", "{\"name\": }", "[1, 2]", "\"text\"", "\u{0}", "{\"a\":1} trailing"] {
        let request = Request::post("/v2/users")
            .header("authorization", format!("Bearer {}", world.key))
            .body(Body::from(body))
            .unwrap();
        let answer = world.send(request).await;
        answer.refused(400);
        assert_eq!(answer.body["type"], "invalid_request_error", "{body}");
        assert!(answer.body["errors"][0]["message"].as_str().unwrap().contains("JSON"), "{body}");
    }
    let deep = "[".repeat(100_000);
    let request = Request::post("/v2/users")
        .header("authorization", format!("Bearer {}", world.key))
        .body(Body::from(format!("{{\"name\": {deep}")))
        .unwrap();
    world.send(request).await.refused(400);
}

#[tokio::test]
async fn body_of_more_than_a_megabyte_is_too_large() {
    let world = World::new().await;
    let send = async |length: usize| {
        let mut body = b"{\"name\": \"".to_vec();
        body.resize(length, b'a');
        let request = Request::post("/v2/users")
            .header("authorization", format!("Bearer {}", world.key))
            .body(Body::from(body))
            .unwrap();
        world.send(request).await
    };

    send(1024 * 1024).await.refused(400);
    send(1024 * 1024 + 1).await.refused(413);
}

#[tokio::test]
async fn path_and_method_that_there_are_not_are_refused_in_the_same_words() {
    let world = World::new().await;

    let unknown = world.get("/v2/nothing/here").await;
    unknown.refused(404);
    assert_eq!(unknown.body["type"], "not_found");
    let wrong = world.delete("/v2/users").await;
    wrong.refused(405);
    assert_eq!(wrong.body["type"], "method_not_allowed");
    assert_eq!(wrong.headers["allow"], "GET,HEAD,POST");
}

#[tokio::test]
async fn request_is_named_by_its_trace() {
    let world = World::new().await;
    let context = &world.context;
    let router = runtime::observed(
        http_api::users::router(context.clone()),
        context.clock.clone(),
        context.random.clone(),
    );
    let request = Request::get("/v2/users/none")
        .header("authorization", format!("Bearer {}", world.key))
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .body(Body::empty())
        .unwrap();

    let response = tower::ServiceExt::oneshot(router, request).await.unwrap();

    assert_eq!(response.headers()["x-firebell-trace"], "4bf92f3577b34da6a3ce929d0e0e4736");
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["request_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
}

#[tokio::test]
async fn page_size_and_cursor_that_make_no_sense_are_named() {
    let world = World::new().await;

    for (path, field) in [
        ("/v2/alerts?page_size=0", "page_size"),
        ("/v2/alerts?page_size=51", "page_size"),
        ("/v2/alerts?page_size=many", "page_size"),
        ("/v2/alerts?page_size=-1", "page_size"),
        ("/v2/escalation_paths?page_size=26", "page_size"),
        ("/v2/incidents?page_size=501", "page_size"),
        ("/v2/users?page_size=10001", "page_size"),
        ("/v2/alerts?after=x", "after"),
        ("/v2/users?after=%00", "after"),
        ("/v2/alert_routes?after=01ARZ3NDEKTSV4RRFFQ69G5FAVX", "after"),
    ] {
        assert_eq!(world.get(path).await.refused(422), field, "{path}");
    }
    world.get("/v2/users?page_size=10000&after=").await.with(200);
}

#[tokio::test]
async fn identity_says_what_the_key_is() {
    let world = World::new().await;

    let identity = world.get("/v1/identity").await.with(200)["identity"].clone();

    assert_eq!(identity["name"], "first key");
    assert_eq!(identity["dashboard_url"], "http://firebell.example");
    assert!(identity["roles"].as_array().unwrap().contains(&json!("escalation_creator")));
    assert_eq!((&identity["teams"], &identity["team_roles"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn filter_value_that_nothing_can_have_is_refused_with_what_is_allowed() {
    let world = World::new().await;
    for (path, field, advice) in [
        ("/v2/alerts?status[one_of]=open", "status[one_of]", "use one of firing, resolved"),
        ("/v2/alerts?has_notes[is]=yes", "has_notes[is]", "use one of true, false"),
        ("/v2/alerts?alert_source[not_in]=checkout", "alert_source[not_in]", "use an ID"),
        ("/v2/alerts?created_at[gte]=yesterday", "created_at[gte]", "use a day"),
        ("/v2/alerts?updated_at[gte]=2026-13-01", "updated_at[gte]", "use a day"),
        ("/v2/alerts?filter_mode=some&status[one_of]=firing", "filter_mode", "use one of all, any"),
        (
            "/v2/escalations?status[one_of]=acknowledged",
            "status[one_of]",
            "use one of pending, triggered, acked",
        ),
        ("/v2/escalations?alert[one_of]=x", "alert[one_of]", "use an ID"),
        ("/v2/incidents?status_category[one_of]=open", "status_category[one_of]", "live"),
        ("/v2/incidents?status[one_of]=open", "status[one_of]", "use an ID"),
        ("/v2/incidents?mode[one_of]=real", "mode[one_of]", "use one of standard"),
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.refused(422), field, "{path}");
        let message = answer.body["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains(advice), "{path}: {message}");
    }
}
