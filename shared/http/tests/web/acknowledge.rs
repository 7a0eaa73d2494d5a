//! The acknowledge link.

use domain::Identity;
use domain::escalation::EscalationState;
use http::{Method, StatusCode};
use machine::Stateful;

use crate::support::{Scene, alert};

#[tokio::test]
async fn opening_a_link_changes_nothing() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    let link = scene.link(&escalation, &scene.ada);
    let before = scene.everything(&escalation).await;

    for method in [Method::GET, Method::HEAD, Method::GET] {
        let seen = scene.ask(method.clone(), &link).await;
        assert_eq!(seen.status, StatusCode::OK, "{method}");
    }
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
        assert_eq!(scene.ask(method.clone(), &link).await.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }

    assert_eq!(scene.everything(&escalation).await, before);
}

#[tokio::test]
async fn link_shows_the_alert_and_who_is_paged() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    scene.pass(125);

    let seen = scene.get(&scene.link(&escalation, &scene.ada)).await;

    for part in [
        "<bdi>Disk full</bdi>",
        "The disk of db-1 is full.",
        r#"href="https://grafana.example.com/d/1""#,
        "2 min ago",
        "INC-1",
        "Level 1 of 2",
        "<bdi>Ada Oncall</bdi>",
        "Next: <bdi>Grace Backup</bdi>, <time",
        "in 2 min</time>.",
        "Email to <bdi>Ada Oncall</bdi>",
        r#"<form method="post"><button"#,
    ] {
        assert!(seen.text.contains(part), "no {part:?} in {}", seen.text);
    }
    assert_eq!(seen.text.matches("<form").count(), 1);
}

#[tokio::test]
async fn overdue_notifications_and_levels_are_marked() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    let link = scene.link(&escalation, &scene.ada);

    scene.pass(59);
    assert!(scene.get(&link).await.text.contains("due now</time>"), "the page is due");
    scene.pass(361);
    let text = scene.get(&link).await.text;

    assert!(text.contains("overdue by 7 min</time>"), "the page: {text}");
    assert!(text.contains("overdue by 2 min</time>."), "the next level: {text}");
}

#[tokio::test]
async fn button_acknowledges_as_the_person_of_the_link() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    let link = scene.link(&escalation, &scene.ada);

    let pressed = scene.post(&link).await;

    assert_eq!((pressed.status, pressed.header("location")), (StatusCode::SEE_OTHER, &*link));
    assert_eq!(scene.escalation(&escalation).await.head().state(), EscalationState::Acked);
    let story = scene.ctx.store.escalation_with_story(scene.org, escalation.id).await.unwrap().unwrap();
    let last = story.history.last().unwrap();
    assert_eq!((&*last.by, &*last.to), (&*Identity::User(scene.ada.id).to_string(), "acked"));
    let seen = scene.get(&link).await;
    assert!(seen.text.contains("You acknowledged this escalation."), "{}", seen.text);
    assert!(!seen.text.contains("<form"), "there is nothing left to press");
}

#[tokio::test]
async fn second_acknowledgement_shows_who_was_first_and_changes_nothing() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    scene.post(&scene.link(&escalation, &scene.ada)).await;
    let before = scene.everything(&escalation).await;
    scene.pass(60);

    let link = scene.link(&escalation, &scene.grace);
    assert_eq!(scene.post(&link).await.status, StatusCode::SEE_OTHER);
    let seen = scene.get(&link).await;

    assert_eq!(scene.everything(&escalation).await, before);
    for part in [
        "Somebody else acknowledged this escalation.",
        "Acknowledged by <strong><bdi>Ada Oncall</bdi></strong>",
        "1 min ago",
        "<bdi>cancelled, no longer needed</bdi>",
    ] {
        assert!(seen.text.contains(part), "no {part:?} in {}", seen.text);
    }
}

#[tokio::test]
async fn expired_escalation_can_still_be_acknowledged() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    let link = scene.link(&escalation, &scene.grace);
    scene.let_expire(&escalation).await;
    assert_eq!(scene.escalation(&escalation).await.head().state(), EscalationState::Expired);

    assert!(scene.get(&link).await.text.contains("Every level was notified, and nobody acknowledged."));
    scene.post(&link).await;

    assert_eq!(scene.escalation(&escalation).await.head().state(), EscalationState::Acked);
}

#[tokio::test]
async fn invalid_link_is_refused_with_advice() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    let before = scene.everything(&escalation).await;
    let link = scene.link(&escalation, &scene.ada);
    let as_grace = link.replacen(&scene.ada.id.to_string(), &scene.grace.id.to_string(), 1);
    let cut = &link[..link.len() - 3];

    for forged in [&*as_grace, cut, "/acknowledge/x", "/acknowledge/....", "/acknowledge/%00%ff.%3Cscript%3E"]
    {
        for method in [Method::GET, Method::POST] {
            let seen = scene.ask(method, forged).await;
            assert_eq!(seen.status, StatusCode::FORBIDDEN, "{forged}");
            assert!(!seen.text.contains("<script"), "{forged}");
        }
    }
    assert!(scene.get(&as_grace).await.text.contains("Open the link from the original message"));
    assert_eq!(scene.everything(&escalation).await, before);
}

#[tokio::test]
async fn expired_link_acknowledges_nothing() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    let link = scene.link(&escalation, &scene.ada);
    scene.pass(3600);

    let pressed = scene.post(&link).await;

    assert_eq!(pressed.status, StatusCode::GONE);
    assert!(pressed.text.contains("This link has expired"));
    assert_eq!(scene.escalation(&escalation).await.head().state(), EscalationState::Triggered);
}

#[tokio::test]
async fn link_page_is_not_stored_framed_indexed_or_sent_as_referrer() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    let link = scene.link(&escalation, &scene.ada);

    for path in [&*link, "/acknowledge/forged"] {
        let seen = scene.get(path).await;
        assert_eq!(seen.header("referrer-policy"), "no-referrer");
        assert_eq!(seen.header("cache-control"), "no-store");
        assert_eq!(seen.header("x-frame-options"), "DENY");
        assert_eq!(seen.header("x-content-type-options"), "nosniff");
        assert!(seen.header("x-robots-tag").contains("noindex"));
        let policy = seen.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(!seen.text.contains("style=") && !seen.text.contains("<style"), "{}", seen.text);
    }
}

#[tokio::test]
async fn hostile_alert_is_shown_as_text() {
    let scene = Scene::new().await;
    let long = "x".repeat(240);
    for (title, shown) in [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("\"><img src=x onerror=alert(1)>", "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;"),
        ("\u{202e}txt.exe <b>", "<bdi>\u{202e}txt.exe &lt;b&gt;</bdi>"),
        ("🔥🔥🔥", "<bdi>🔥🔥🔥</bdi>"),
        (&*long, &*long),
    ] {
        let escalation = scene.fire(event(title)).await;
        let seen = scene.get(&scene.link(&escalation, &scene.ada)).await;

        assert!(seen.text.contains(shown), "no {shown:?} in {}", seen.text);
        assert!(!seen.text.contains("<script") && !seen.text.contains("<img"), "{}", seen.text);
        assert!(!seen.text.contains("javascript:"), "{}", seen.text);
        scene.pass(1);
    }
}

/// An alert with a title, and a link that runs something.
fn event(title: &str) -> domain::alert::AlertEvent {
    let mut event = alert(title);
    event.description = Some(title.to_owned());
    event.source_url = Some("javascript://example.com/%0aalert(document.cookie)".to_owned());
    event
}

#[tokio::test]
async fn stylesheet_is_named_by_its_hash_and_cached() {
    let scene = Scene::new().await;
    let page = scene.get("/acknowledge/x").await.text;
    let path = page.split('"').find(|part| part.starts_with("/assets/") && part.ends_with(".css")).unwrap();

    let seen = scene.get(path).await;

    assert_eq!((seen.status, seen.header("content-type")), (StatusCode::OK, "text/css; charset=utf-8"));
    assert!(seen.header("cache-control").contains("immutable"));
    assert_eq!(scene.get("/assets/0.css").await.status, StatusCode::NOT_FOUND);
}
