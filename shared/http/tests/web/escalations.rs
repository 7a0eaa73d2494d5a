//! The list of escalations and the page of one.

use domain::escalation::EscalationState;
use http::StatusCode;
use machine::Stateful;

use crate::support::{OUR_SCRIPT, Scene, alert, between};

#[tokio::test]
async fn page_shows_each_level_with_its_notifications() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    scene.let_expire(&escalation).await;
    let session = scene.sign_in().await;

    let page = scene.look(&session, &format!("/escalations/{}", escalation.id)).await;

    let levels = between(&page, "<ol class=\"levels\">", "</ol>");
    for part in [
        "Level 1: Ada Oncall · 5 min to acknowledge",
        "Level 2: Grace Backup",
        "Expired: fallback contact",
        "Email to Olive Owner",
    ] {
        assert!(levels.contains(part), "no {part:?} in {levels}");
    }
    assert!(page.contains("Every level was notified, and nobody acknowledged."));
    assert!(page.contains("Acknowledge</button>") && page.contains("Cancel escalation</button>"));
}

#[tokio::test]
async fn escalation_is_acknowledged_and_cancelled_from_its_page() {
    let scene = Scene::new().await;
    let escalation = scene.fire(alert("Disk full")).await;
    let session = scene.sign_in().await;
    let here = format!("/escalations/{}", escalation.id);

    let pressed = scene.fill(&session, &format!("{here}/acknowledge"), &[("back", &here)]).await;
    assert_eq!(
        (pressed.status, pressed.header("location")),
        (StatusCode::SEE_OTHER, &*format!("{here}?answered={}", escalation.id))
    );
    let page = scene.look(&session, pressed.header("location")).await;
    assert!(page.contains("Acknowledged by <strong><bdi>Olive Owner</bdi></strong>"), "{page}");
    assert!(!page.contains("Acknowledge</button>"));

    scene.fill(&session, &format!("{here}/cancel"), &[("back", &here)]).await;
    assert_eq!(scene.escalation(&escalation).await.head().state(), EscalationState::Cancelled);
    let page = scene.look(&session, &here).await;
    assert!(!page.contains("Cancel escalation</button>"), "it is cancelled");
    let before = scene.everything(&escalation).await;
    scene.fill(&session, &format!("{here}/cancel"), &[]).await;
    assert_eq!(scene.everything(&escalation).await, before, "a cancelled escalation does not change");
}

#[tokio::test]
async fn list_shows_all_or_open_escalations() {
    let scene = Scene::new().await;
    let first = scene.fire(alert("Answered")).await;
    scene.pass(1);
    scene.fire(alert("<script>Open")).await;
    scene.post(&scene.link(&first, &scene.ada)).await;
    let session = scene.sign_in().await;

    let all = scene.look(&session, "/escalations").await;
    let open = scene.look(&session, "/escalations?state=open").await;

    assert_eq!(all.matches("data-row").count(), 2);
    assert_eq!(open.matches("data-row").count(), 1);
    assert!(open.contains("&lt;script&gt;Open") && !open.replacen(OUR_SCRIPT, "", 1).contains("<script"));
    for path in ["/escalations/x", "/escalations/01M8525M3G7RJ5BAGYBZRWCH9M"] {
        assert_eq!(scene.browse(&session.cookie, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(scene.browse("", "/escalations").await.status, StatusCode::UNAUTHORIZED);
}
