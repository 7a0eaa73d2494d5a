//! What belongs to a private incident, for whoever has no part in it.

use domain::id::EscalationId;
use http::StatusCode;
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
async fn title_of_a_private_incidents_alert_is_on_no_page_of_whoever_has_no_part_in_it() {
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
async fn whoever_is_paged_for_a_private_incident_sees_what_for_and_whoever_looks_after_all_sees_it() {
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
