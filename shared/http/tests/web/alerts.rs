//! The list of alerts and the page of one.

use domain::alert::AlertState;
use domain::id::AlertId;
use http::StatusCode;
use machine::Stateful;

use crate::support::{OUR_SCRIPT, Scene, alert, between};

/// The newest alert.
async fn newest(scene: &Scene) -> AlertId {
    scene.ctx.store.list_alerts(scene.org, None, 1).await.unwrap()[0].id.parse().unwrap()
}

#[tokio::test]
async fn page_shows_payload_details_and_escalations() {
    let scene = Scene::new().await;
    let mut event = alert("Disk full");
    event.priority = Some("critical".to_owned());
    event.payload =
        serde_json::value::to_raw_value(&serde_json::json!({"labels": {"host": "<b>db-1</b>"}})).unwrap();
    scene.fire(event).await;
    let session = scene.sign_in().await;

    let page = scene.look(&session, &format!("/alerts/{}", newest(&scene).await)).await;

    for part in [
        "<bdi>Disk full</bdi>",
        "The disk of db-1 is full.",
        "href=\"https://grafana.example.com/d/1\"",
        "<bdi>critical</bdi>",
        "&quot;host&quot;: &quot;&lt;b&gt;db-1&lt;/b&gt;&quot;",
        "At least one route matched.",
        "This route has no conditions.",
        "href=\"/incidents/1\"",
        "Acknowledge</button>",
        "Mark as resolved</button>",
    ] {
        assert!(page.contains(part), "no {part:?} in {page}");
    }
    assert!(page.contains("1 other route<") && page.contains("not for this alert source"), "{page}");
}

#[tokio::test]
async fn unrouted_alert_shows_the_failed_condition_and_its_value() {
    let scene = Scene::new().await;
    scene.fire_unrouted(alert("Old disk")).await;
    let session = scene.sign_in().await;

    let page = scene.look(&session, &format!("/alerts/{}", newest(&scene).await)).await;

    assert!(page.contains("No route matched, so nobody was paged."));
    let checks = between(&page, "<ul class=\"checks\">", "</ul>");
    assert_eq!(checks, "Not matched: alert.title is one of “never” — value: Old disk");
    assert!(page.contains("Not matched</span>") && page.contains("Nobody was paged."), "{page}");
}

#[tokio::test]
async fn alert_is_marked_as_resolved_and_its_page_shows_by_whom() {
    let scene = Scene::new().await;
    scene.fire(alert("Disk full")).await;
    let session = scene.sign_in().await;
    let id = newest(&scene).await;
    let here = format!("/alerts/{id}");

    let pressed = scene.fill(&session, &format!("{here}/resolve"), &[("back", &here)]).await;

    assert_eq!(pressed.status, StatusCode::SEE_OTHER);
    let after = scene.ctx.store.alert(scene.org, id).await.unwrap().unwrap();
    assert_eq!(after.head().state(), AlertState::Resolved);
    let page = scene.look(&session, &here).await;
    assert!(page.contains("Resolved by hand") && !page.contains("Mark as resolved</button>"), "{page}");
    let history = between(&page, "<h2 id=\"history\">", "</section>");
    assert!(history.contains("Resolved by hand Olive Owner"), "{history}");
    let story = scene.look(&session, "/incidents/1").await;
    assert!(story.contains("Alert resolved by <strong><bdi>Olive Owner</bdi></strong>"), "{story}");
}

#[tokio::test]
async fn resolved_alert_is_triggered_again() {
    let scene = Scene::new().await;
    scene.fire(alert("Disk full")).await;
    let session = scene.sign_in().await;
    let first = newest(&scene).await;
    let here = format!("/alerts/{first}");
    assert!(!scene.look(&session, &here).await.contains("Trigger again"), "it fires");
    scene.fill(&session, &format!("{here}/resolve"), &[("back", &here)]).await;
    assert!(scene.look(&session, &here).await.contains("Trigger again</button>"));
    scene.pass(60);

    let pressed = scene.fill(&session, &format!("{here}/retrigger"), &[("back", "/alerts")]).await;
    scene.handle().await;

    assert_eq!(pressed.status, StatusCode::SEE_OTHER);
    let next = newest(&scene).await;
    assert_ne!(next, first);
    let page = scene.look(&session, &format!("/alerts/{next}")).await;
    let history = between(&page, "<h2 id=\"history\">", "</section>");
    assert!(history.contains("Triggered again by hand Olive Owner"), "{history}");
}

#[tokio::test]
async fn list_filters_by_state_and_source() {
    let scene = Scene::new().await;
    scene.fire(alert("Routed")).await;
    scene.pass(1);
    scene.fire_unrouted(alert("<script>Unrouted")).await;
    let session = scene.sign_in().await;
    let page = scene.look(&session, "/alerts").await;
    let source = page.split("Old Nagios</option>").next().unwrap().rsplit("value=\"").next().unwrap();
    let source = source.split('"').next().unwrap().to_owned();
    let count = async |path: &str| scene.look(&session, path).await.matches("data-row").count();

    assert_eq!(page.matches("data-row").count(), 2);
    assert!(page.contains("Unrouted</span>") && !page.replacen(OUR_SCRIPT, "", 1).contains("<script"));
    assert_eq!(count(&format!("/alerts?source={source}")).await, 1);
    assert_eq!(count("/alerts?state=firing").await, 2);
    assert_eq!(count("/alerts?state=resolved").await, 0);
    for path in ["/alerts/x", "/alerts/01M8525M3G7RJ5BAGYBZRWCH9M"] {
        assert_eq!(scene.browse(&session.cookie, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn search_words_stay_in_the_links_of_the_list() {
    let scene = Scene::new().await;
    scene.fire(alert("Disk full of db-1")).await;
    scene.fire(domain::alert::AlertEvent { description: None, ..alert("Queue grows") }).await;
    let session = scene.sign_in().await;

    let page = scene.look(&session, "/alerts?search=DISK+%3Cdb").await;
    assert!(page.contains("No alerts match these filters.") && !page.contains("<db"), "{page}");
    assert!(page.contains("state=firing&amp;search=DISK%20%3Cdb"), "{page}");

    let page = scene.look(&session, "/alerts?search=DISK+db-1").await;
    assert!(page.contains("Disk full of db-1") && !page.contains("Queue grows"), "{page}");
    assert!(page.contains("type=\"search\" name=\"search\" value=\"DISK db-1\""), "{page}");
}
