//! Alerts and escalations of a private incident, for people who may not see it.

use domain::escalation::EscalationState;
use domain::id::EscalationId;
use http::StatusCode;
use machine::Stateful;
use serde_json::json;

use crate::support::{Scene, alert};

/// An alert whose incident is private, and its escalation, which pages Ada first.
async fn secret() -> (Scene, String, EscalationId) {
    let scene = Scene::new().await;
    scene.fire(alert("Hush hush")).await;
    let store = &scene.ctx.store;
    let listed = store.list_alerts(scene.org, None, 1).await.unwrap().remove(0).id;
    let fired = store.alert(scene.org, listed.parse().unwrap()).await.unwrap().unwrap();
    let incident = fired.incident.unwrap();
    let update = json!({
        "TableName": embedded::TABLE,
        "Key": { "pk": { "S": format!("{}#INCIDENT#{incident}", scene.org) }, "sk": { "S": "HEAD" } },
        "UpdateExpression": "SET visibility = :private",
        "ConditionExpression": "visibility = :public",
        "ExpressionAttributeValues": { ":private": { "S": "private" }, ":public": { "S": "public" } },
    });
    let answer = scene.embedded.dynamo().answer("UpdateItem", update.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    (scene, listed, fired.escalations[0])
}

/// What is shown where the title would be.
const INSTEAD: &str = "Private incident";

#[tokio::test]
async fn title_of_a_private_alert_is_hidden_on_every_page() {
    let (scene, alert, escalation) = secret().await;
    let grace = scene.enter(scene.org, scene.grace.id).await;

    for path in ["/", "/alerts", "/escalations", "/escalations?state=open"] {
        let page = scene.look(&grace, path).await;
        assert!(!page.contains("Hush") && page.contains(INSTEAD), "{path}: {page}");
        assert!(!page.contains("INC-1") && !page.contains(&format!("/alerts/{alert}")), "{path}: {page}");
    }
    let page = scene.look(&grace, &format!("/?answered={escalation}")).await;
    assert!(!page.contains("Hush"), "{page}");
    for path in [format!("/alerts/{alert}"), format!("/escalations/{escalation}"), "/incidents/1".to_owned()]
    {
        let seen = scene.browse(&grace.cookie, &path).await;
        assert_eq!(seen.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!seen.text.contains("Hush"), "{path}: {}", seen.text);
    }
}

#[tokio::test]
async fn notified_people_and_administrators_see_a_private_alert() {
    let (scene, alert, escalation) = secret().await;
    let ada = scene.enter(scene.org, scene.ada.id).await;
    let session = scene.sign_in().await;

    for path in ["/".to_owned(), format!("/escalations/{escalation}")] {
        let page = scene.look(&ada, &path).await;
        assert!(page.contains("Hush hush") && page.contains("Acknowledge"), "{path}: {page}");
        let leads = ["/incidents/1".to_owned(), format!("/alerts/{alert}")];
        let leads = leads.iter().find(|to| page.contains(&format!("href=\"{to}\"")));
        assert_eq!(leads, None, "{path}: it leads where nothing is for her: {page}");
    }
    let all = ["/", "/alerts", "/escalations"].map(str::to_owned);
    for path in all.into_iter().chain([format!("/alerts/{alert}"), format!("/escalations/{escalation}")]) {
        let page = scene.look(&session, &path).await;
        assert!(page.contains("Hush hush") && !page.contains(INSTEAD), "{path}: {page}");
    }
}

#[tokio::test]
async fn private_escalation_is_acknowledged_only_by_people_who_may_see_it() {
    let (scene, alert, escalation) = secret().await;
    let grace = scene.enter(scene.org, scene.grace.id).await;
    let ada = scene.enter(scene.org, scene.ada.id).await;
    let session = scene.sign_in().await;
    let press = async |session, path: &str| scene.fill(session, path, &[("back", "/")]).await.status;

    for path in [
        format!("/escalations/{escalation}/acknowledge"),
        format!("/escalations/{escalation}/cancel"),
        format!("/alerts/{alert}/resolve"),
    ] {
        assert_eq!(press(&grace, &path).await, StatusCode::NOT_FOUND, "{path}");
    }
    let state = async || {
        let found = scene.ctx.store.escalation(scene.org, escalation).await.unwrap().unwrap();
        found.head().state()
    };
    assert_eq!(state().await, EscalationState::Triggered);

    let acknowledged = press(&ada, &format!("/escalations/{escalation}/acknowledge")).await;
    assert_eq!((acknowledged, state().await), (StatusCode::SEE_OTHER, EscalationState::Acked));
    let cancelled = press(&session, &format!("/escalations/{escalation}/cancel")).await;
    assert_eq!((cancelled, state().await), (StatusCode::SEE_OTHER, EscalationState::Cancelled));
}
