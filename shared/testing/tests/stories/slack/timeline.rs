//! The same incident, driven from Slack and from the API.

use domain::incident::{IncidentState, RoleKind, Status};
use domain::slack::ButtonPress;
use serde_json::{Value, json};
use testing::bundle::Bundle;
use testing::fake_slack::ANNOUNCEMENTS;
use testing::sender::Alert;

use super::{api, channel_of, connected, incident, send, types};
use crate::stage::{ledger, tell};

/// The history of the incident, its alert and its escalation, without who did it.
async fn timeline(bundle: &Bundle) -> Vec<Value> {
    let incident = incident(bundle).await;
    let mut rows: Vec<Value> = Vec::new();
    let history = bundle.calm.store.incident_history(bundle.org, incident.id, None, 50).await.unwrap();
    for row in history.iter().rev() {
        rows.push(json!(["incident", row.version, row.from, row.to, row.why, row.note]));
    }
    for (partition, history) in ledger(bundle).await.history {
        let kind = partition.split('#').nth(1).unwrap_or_default().to_owned();
        if kind == "ALERT" || kind == "ESCALATION" {
            rows.extend(history.iter().map(|row| json!([kind, row.version, row.from, row.to, row.why])));
        }
    }
    rows
}

/// An incident that an alert opened.
async fn fired() -> Bundle {
    let bundle = connected().await;
    bundle.deliver(&[Alert::now(&bundle, "fire")]).await;
    bundle.pass(10).await;
    bundle
}

#[test]
fn incident_driven_from_slack_and_from_the_api_has_the_same_timeline() {
    tell(|| async {
        let bundle = fired().await;
        let incident = incident(&bundle).await;
        let channel = channel_of(&bundle, "INC-1");
        send(
            &bundle,
            bundle.slack.press("U0ADA", ANNOUNCEMENTS, ButtonPress::Acknowledge(incident.id), "1.1"),
        )
        .await;
        bundle.pass(10).await;
        types(&bundle, "U0ADA", &channel.id, "update we are failing over", "2.2").await;
        types(&bundle, "U0ADA", &channel.id, "lead <@U0GRACE|grace>", "3.3").await;
        types(&bundle, "U0ADA", &channel.id, "close it was DNS", "4.4").await;
        let from_slack = timeline(&bundle).await;

        let bundle = fired().await;
        let story = ledger(&bundle).await;
        let (incident, escalation) = (&story.incidents[0], &story.escalations[0]);
        let (org, store) = (bundle.org, &bundle.calm.store);
        let roles = store.incident_choices(org).await.unwrap().roles;
        let lead = roles.iter().find(|role| role.what.kind == RoleKind::Lead).unwrap().id;
        let (_, grace) = store.person("grace@example.com").await.unwrap().unwrap();
        let (_, ada) = store.person("ada@example.com").await.unwrap().unwrap();
        let respond = json!({ "response": "ack", "user_id": ada });
        api(&bundle, &format!("/v2/escalations/{}/actions/respond", escalation.id), &respond).await;
        let update = |key: &str, message: &str| json!({ "idempotency_key": key, "incident_id": incident.id, "message": message });
        api(&bundle, "/v2/incident_updates", &update("1", "we are failing over")).await;
        let assignment = json!({ "incident_role_id": lead, "assignee": { "id": grace } });
        let edit = json!({
            "incident": { "incident_role_assignments": [assignment] }, "notify_incident_channel": true,
        });
        api(&bundle, &format!("/v2/incidents/{}/actions/edit", incident.id), &edit).await;
        let mut close = update("2", "it was DNS");
        close["to_incident_status_id"] = json!(Status::default_id(org, IncidentState::Closed));
        api(&bundle, "/v2/incident_updates", &close).await;
        let from_api = timeline(&bundle).await;

        assert_eq!(from_slack, from_api);
        assert!(from_slack.len() >= 6, "{from_slack:#?}");
        let said = bundle.slack.messages_in(&channel_of(&bundle, "INC-1").id);
        assert_eq!(said.len(), 3, "what the API shares is told in the channel: {said:?}");
    });
}
