//! Pages that update automatically.

use axum::body::Body;
use http::{Request, StatusCode};

use crate::support::{Scene, Seen, Session, alert};

/// Requests a page of which the browser has a version.
async fn request_again(scene: &Scene, session: &Session, path: &str, version: &str) -> Seen {
    let request = Request::get(path).header("cookie", &session.cookie).header("if-none-match", version);
    scene.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn page_is_sent_again_only_after_a_change() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    let session = scene.sign_in().await;
    let alert = scene.ctx.store.list_alerts(scene.org, None, 1).await.unwrap()[0].id.clone();
    let (escalation_path, alert_path) =
        (format!("/escalations/{}", escalation.id), format!("/alerts/{alert}"));
    let paths = ["/", "/incidents", "/incidents/1", "/escalations", &escalation_path, "/alerts", &alert_path];
    let mut known = Vec::new();
    for path in paths {
        known.push(scene.browse(&session.cookie, path).await.header("etag").to_owned());
    }
    scene.pass(200);

    for (path, version) in paths.iter().zip(&known) {
        let seen = request_again(&scene, &session, path, version).await;
        assert_eq!((seen.status, &*seen.text), (StatusCode::NOT_MODIFIED, ""), "{path}");
        assert_eq!(seen.header("cache-control"), "no-store");
    }
    scene.post(&scene.link(&escalation, &scene.ada)).await;
    for path in ["/", "/incidents/1", "/escalations", &escalation_path, &alert_path] {
        let version = &known[paths.iter().position(|one| *one == path).unwrap()];
        let seen = request_again(&scene, &session, path, version).await;
        assert_eq!(seen.status, StatusCode::OK, "{path}");
        assert_ne!(seen.header("etag"), version);
    }
}

#[tokio::test]
async fn signed_out_browser_gets_401_instead_of_304() {
    let scene = Scene::new().await;
    let session = scene.sign_in().await;
    let version = scene.browse(&session.cookie, "/").await.header("etag").to_owned();
    scene.pass(13 * 3600);

    assert_eq!(request_again(&scene, &session, "/", &version).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn only_our_script_is_loaded_and_none_on_the_acknowledge_page() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    let session = scene.sign_in().await;
    let page = scene.browse(&session.cookie, "/").await;
    let policy = page.header("content-security-policy");

    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(!page.text.contains(" style=") && !page.text.contains(" onclick="));
    let script = page.text.split("<script src=\"").nth(1).unwrap().split('"').next().unwrap();
    let script = scene.get(script).await;
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    assert!(script.header("cache-control").contains("immutable"));
    assert!(!scene.get(&scene.link(&escalation, &scene.ada)).await.text.contains("<script"));
}
