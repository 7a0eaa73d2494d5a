//! An incident as the API shows it, and what else names one.

use domain::Identity;
use domain::choice::Configured;
use domain::id::{AlertId, OrgId, UserId};
use domain::incident::{Incident, IncidentState, Milestone};
use machine::{State as _, Stateful};
use serde_json::{Value, json};
use store::{Choices, Store};

use crate::api::{Answer, Desk};
use crate::auth::Caller;
use crate::choices::Offer;
use crate::{incident_timestamps, incident_types, users};

/// The category of a status, in the words of version 2.
pub(crate) const fn category(state: IncidentState) -> &'static str {
    match state {
        IncidentState::Triage => "triage",
        IncidentState::Active => "live",
        IncidentState::Paused => "paused",
        IncidentState::PostIncident => "learning",
        IncidentState::Closed => "closed",
        IncidentState::Declined => "declined",
        IncidentState::Merged => "merged",
        IncidentState::Canceled => "canceled",
    }
}

/// A choice by its id. One in use is never deleted, so that it is there.
pub(crate) fn choice<T: Offer>(choices: &[Configured<T>], id: T::Id) -> Option<Value> {
    choices.iter().find(|choice| choice.id == id).map(Offer::shown)
}

/// Who has which role.
async fn assignments(store: &Store, choices: &Choices, incident: &Incident) -> Answer<Vec<Value>> {
    let mut assignments = Vec::new();
    for role in &choices.roles {
        if let Some(user) = incident.roles.get(&role.id) {
            let assignee = person(store, incident.org, *user).await?;
            assignments.push(json!({ "role": Offer::shown(role), "assignee": assignee }));
        }
    }
    Ok(assignments)
}

/// When which milestone was reached; those that were not have no value.
fn milestones(incident: &Incident) -> Vec<Value> {
    let shown = |milestone: &Milestone| {
        let mut value = json!({ "incident_timestamp": incident_timestamps::shown(incident.org, *milestone) });
        if let Some(at) = incident.reached(*milestone) {
            value["value"] = json!({ "value": at });
        }
        value
    };
    Milestone::ALL.iter().map(shown).collect()
}

/// An incident, in full. What it has not, as a severity, is left out: strict clients take no null there.
pub(super) async fn shown(
    desk: &Desk,
    caller: &Caller,
    choices: &Choices,
    incident: &Incident,
) -> Answer<Value> {
    let (org, store) = (incident.org, &desk.ctx.store);
    let mut shown = json!({
        "id": incident.id,
        "reference": incident.reference(),
        "name": incident.title,
        "visibility": incident.visibility.name(),
        "mode": "standard",
        "permalink": format!("{}/incidents/{}", desk.ctx.public_url, incident.number),
        "incident_status": choice(&choices.statuses, incident.status()),
        "incident_type": incident_types::shown(org),
        "creator": creator(store, caller, org, &incident.creator, incident.alert).await?,
        "created_at": incident.created_at,
        "updated_at": incident.updated_at,
        "last_activity_at": incident.updated_at,
        "custom_field_entries": [],
        "incident_role_assignments": assignments(store, choices, incident).await?,
        "incident_timestamp_values": milestones(incident),
        "duration_metrics": [],
        "postmortem_document_ids": [],
        "team_ids": [],
        "has_debrief": false,
        "slack_channel_id": "",
        "slack_team_id": "",
    });
    if let Some(summary) = &incident.summary {
        shown["summary"] = json!(summary);
    }
    if let Some(severity) = incident.severity.and_then(|id| choice(&choices.severities, id)) {
        shown["severity"] = severity;
    }
    Ok(shown)
}

/// An incident where something else names it.
pub(crate) fn slim(incident: &Incident) -> Value {
    let mut slim = json!({
        "id": incident.id,
        "external_id": incident.number,
        "reference": incident.reference(),
        "name": incident.title,
        "status_category": incident.head().state().name(),
        "visibility": incident.visibility.name(),
    });
    if let Some(summary) = &incident.summary {
        slim["summary"] = json!(summary);
    }
    slim
}

/// Who or what created something.
pub(crate) async fn creator(
    store: &Store,
    caller: &Caller,
    org: OrgId,
    by: &Identity,
    alert: Option<AlertId>,
) -> Answer<Value> {
    Ok(match (by, alert) {
        (Identity::User(id), _) => json!({ "user": person(store, org, *id).await? }),
        (Identity::ApiKey(id), _) => {
            let name = if *id == caller.key.id {
                caller.key.name.clone()
            } else {
                let key = store.api_key(org, *id).await?;
                key.map_or_else(|| "an API key that is gone".to_owned(), |key| key.name)
            };
            json!({ "api_key": { "id": id, "name": name } })
        }
        (Identity::System(_), Some(id)) => {
            let title = store.alert(org, id).await?.map(|alert| alert.title).unwrap_or_default();
            json!({ "alert": { "id": id, "title": title } })
        }
        (Identity::System(part), None) => json!({ "workflow": { "id": part, "name": part } }),
    })
}

/// A person who may have left since.
pub(crate) async fn person(store: &Store, org: OrgId, id: UserId) -> Answer<Value> {
    Ok(match store.user(org, id).await? {
        Some(user) => users::slim(&user),
        None => json!({ "id": id, "name": "Somebody who has left", "role": "unset" }),
    })
}
