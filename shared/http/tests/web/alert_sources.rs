//! The pages of alert sources.

use app::worker::AlertRequest;
use axum::body::Body;
use domain::id::SourceId;
use domain::message::{Envelope, Queue};
use domain::source::SourceState;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use machine::Stateful;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{OUR_SCRIPT, Scene, Session, between};

/// Handles what waits, as the function does.
async fn handle(scene: &Scene) {
    let rules = app::Rules::new(scene.ctx.store.clone());
    for message in scene.embedded.queues().receive(Queue::AlertHandle.name(), 10).unwrap() {
        let envelope: Envelope<AlertRequest> = serde_json::from_str(&message.body).unwrap();
        let AlertRequest::Event(received) = envelope.body else { panic!("an event") };
        let now = scene.ctx.now();
        app::alert::receive::receive(&scene.ctx.store, &rules, &received, &envelope.trace, now)
            .await
            .unwrap();
    }
}

/// A draft that was made on the page.
async fn draft(scene: &Scene, session: &Session) -> String {
    let fields = [("name", "<b>Backups</b>"), ("kind", "http")];
    let added = scene.fill(session, "/alert-sources", &fields).await;
    assert_eq!(added.status, StatusCode::SEE_OTHER, "{}", added.text);
    added.header("location").to_owned()
}

async fn state(scene: &Scene, path: &str) -> SourceState {
    let id: SourceId = path.rsplit('/').next().unwrap().parse().unwrap();
    scene.ctx.store.source(scene.org, id).await.unwrap().unwrap().head().state()
}

#[tokio::test]
async fn source_starts_as_a_draft_shows_its_events_and_pages_after_activation() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let path = draft(&scene, &session).await;

    let page = scene.look(&session, &path).await;
    assert!(page.contains("A draft pages nobody.") && page.contains("Nothing received yet"), "{page}");
    assert!(page.contains("&lt;b&gt;Backups&lt;/b&gt;") && !page.contains("<b>Backups"), "{page}");
    assert!(!page.replacen(OUR_SCRIPT, "", 1).contains("<script"));
    let url = format!("http://firebell.test/v2/alert_events/http/{}", path.rsplit('/').next().unwrap());
    assert!(page.matches(&url).count() >= 2, "the address stands alone and in the steps: {page}");
    let early = scene.fill(&session, &format!("{path}/activate"), &[]).await;
    assert_eq!(early.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(early.text.contains("The draft has not received an event yet"), "{}", early.text);

    let sent = scene.fill(&session, &format!("{path}/test"), &[]).await;
    assert_eq!(sent.header("location"), format!("{path}?done=tested"), "{}", sent.text);
    handle(&scene).await;
    let page = scene.look(&session, &path).await;
    let arrived = between(&page, "id=\"arrived\"", "</section>");
    assert!(
        arrived.contains("Last event: ")
            && arrived.contains("No alert route matches, so the fallback contact is notified."),
        "{arrived}"
    );
    assert!(arrived.contains("Would notify first: Olive Owner"), "{arrived}");
    assert_eq!(scene.ctx.store.list_alerts(scene.org, None, 10).await.unwrap().len(), 0);

    let activated = scene.fill(&session, &format!("{path}/activate"), &[]).await;
    assert_eq!(activated.header("location"), format!("{path}?done=activated"));
    assert_eq!(state(&scene, &path).await, SourceState::Active);
    scene.fill(&session, &format!("{path}/test"), &[]).await;
    handle(&scene).await;
    assert_eq!(scene.ctx.store.list_alerts(scene.org, None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn source_is_disabled_enabled_rotated_and_deleted() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let path = draft(&scene, &session).await;
    let press = async |act: &str, fields: &[(&str, &str)]| {
        let seen = scene.fill(&session, &format!("{path}/{act}"), fields).await;
        (seen.status.as_u16(), seen.header("location").to_owned())
    };
    let secret = async || {
        let page = scene.look(&session, &path).await;
        between(&page, "<dt>Secret</dt><dd><code class=\"token\">", "</code>")
    };

    assert_eq!(press("switch", &[("switch", "off")]).await.0, 422, "a draft is off already");
    press("test", &[]).await;
    handle(&scene).await;
    press("activate", &[]).await;
    assert_eq!(press("switch", &[("switch", "off")]).await.1, format!("{path}?done=disabled"));
    assert_eq!(state(&scene, &path).await, SourceState::Disabled);
    assert_eq!(press("test", &[]).await.0, 422);
    assert_eq!(press("switch", &[("switch", "on")]).await.1, format!("{path}?done=enabled"));
    let before = secret().await;
    assert_eq!(press("rotate", &[]).await.1, format!("{path}?done=rotated"));
    assert_ne!(secret().await, before);
    assert_eq!(press("remove", &[]).await.1, "/alert-sources?done=removed");
    assert_eq!(scene.browse(&session.cookie, &path).await.status, StatusCode::NOT_FOUND);
    assert!(!scene.look(&session, "/alert-sources").await.contains("Backups"));
}

#[tokio::test]
async fn viewer_sees_no_secret_and_no_button_of_a_source() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let path = draft(&scene, &session).await;
    let page = scene.look(&session, &path).await;
    let secret = between(&page, "<dt>Secret</dt><dd><code class=\"token\">", "</code>");
    scene.owner_becomes_a_viewer().await;

    let page = scene.look(&session, &path).await;
    assert!(page.contains("Backups") && !page.contains(&secret), "{page}");
    assert!(!page.contains(">Activate<") && !page.contains("Rotate"), "{page}");
    let list = scene.look(&session, "/alert-sources").await;
    assert!(list.contains("Backups") && !list.contains("Add as draft"), "{list}");
}

#[tokio::test]
async fn heartbeat_shows_its_interval_and_its_last_ping() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let wrong = [("name", "Backup"), ("kind", "heartbeat"), ("minutes", "0")];
    let refused = scene.fill(&session, "/alert-sources", &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains("1 to 44640 minutes.") && refused.text.contains("value=\"Backup\""));

    let fields = [("name", "Backup"), ("kind", "heartbeat"), ("minutes", "10")];
    let added = scene.fill(&session, "/alert-sources", &fields).await;
    let path = added.header("location").to_owned();
    let page = scene.look(&session, &path).await;
    assert!(page.contains("Waiting for the first ping, expected every 10 min"), "{page}");

    let id: SourceId = path.rsplit('/').next().unwrap().parse().unwrap();
    let (trace, now) = (domain::trace::Trace::begin(1), scene.ctx.now());
    app::heartbeat::ping::ping(&scene.ctx.store, (scene.org, id), &trace, now).await.unwrap();
    assert!(scene.look(&session, &path).await.contains("Healthy, last ping"));
}

#[tokio::test]
async fn heartbeat_has_the_same_defaults_on_the_page_and_in_the_api() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let fields = [("name", "Backup"), ("kind", "heartbeat"), ("minutes", "10")];
    let added = scene.fill(&session, "/alert-sources", &fields).await;
    let by_page: SourceId = added.header("location").rsplit('/').next().unwrap().parse().unwrap();
    let fields = [("name", "Deploys"), ("may-on_call_editor", "on")];
    let key = scene.fill(&session, "/api-keys", &fields).await;
    let key = between(&key.text, "<code class=\"token\">", "</code>");
    let body = json!({
        "name": "Backup",
        "source_type": "heartbeat",
        "template": { "title": { "literal": "t" }, "description": { "literal": "d" } },
        "heartbeat_options": { "interval_seconds": 600 },
    });
    let request = Request::post("/v2/alert_sources")
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();

    let response = http_api::alert_sources::router(scene.ctx.clone()).oneshot(request).await.unwrap();

    assert_eq!(response.status(), StatusCode::OK);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let source = app::source::find(&scene.ctx.store, scene.org, by_page).await.unwrap();
    let schedule = source.intake.beat.unwrap();
    let options = &body["alert_source"]["heartbeat_options"];
    assert_eq!(options["grace_period_seconds"], schedule.grace_s);
    assert_eq!(options["failure_threshold"], schedule.threshold);
    assert_eq!((schedule.grace_s, schedule.threshold), (100, 1));
}
