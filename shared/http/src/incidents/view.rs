//! An incident as replies show it.

use domain::id::IncidentId;
use domain::incident::{Incident, Milestone};
use schemars::JsonSchema;
use serde::Serialize;
use store::{Choices, Store};

use crate::actor::{ActorView, UserView};
use crate::api::{ApiResult, ApiState};
use crate::auth::Caller;
use crate::choices;
use crate::incident_roles::IncidentRoleView;
use crate::incident_statuses::StatusView;
use crate::incident_timestamps::IncidentTimestampView;
use crate::incident_types::IncidentTypeView;
use crate::schema::{EmptyList, Id, Time};
use crate::severities::SeverityView;

/// An incident. A field without a value is left out, because strict clients refuse null.
#[derive(Serialize, JsonSchema)]
pub(super) struct IncidentView {
    /// The id.
    id: Id<IncidentId>,
    /// The reference, as `INC-123`.
    reference: String,
    /// The name.
    name: String,
    /// What is going on.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
    /// Who sees the incident.
    #[schemars(extend("enum" = ["public", "private"]))]
    visibility: &'static str,
    /// The mode, which is always `standard`.
    #[schemars(extend("enum" = ["standard"]))]
    mode: &'static str,
    /// The address of the incident's web page.
    permalink: String,
    /// How bad the incident is.
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<SeverityView>,
    /// How far the incident is.
    #[serde(skip_serializing_if = "Option::is_none")]
    incident_status: Option<StatusView>,
    /// The type.
    incident_type: IncidentTypeView,
    /// Who created the incident.
    creator: ActorView,
    /// Fields that an organisation defines. Firebell does not have them yet.
    custom_field_entries: EmptyList,
    /// Who has which role.
    incident_role_assignments: Vec<RoleAssignmentView>,
    /// When the incident reached which milestone.
    incident_timestamp_values: Vec<TimestampValueView>,
    /// Durations that an organisation defines. Firebell does not have them yet.
    duration_metrics: EmptyList,
    /// Post-mortems. Firebell does not have them yet.
    postmortem_document_ids: EmptyList,
    /// The teams of the incident. Firebell has no teams yet.
    team_ids: EmptyList,
    /// Whether the incident has a debrief. Firebell does not have them yet.
    has_debrief: bool,
    /// The Slack channel of the incident. Always empty.
    slack_channel_id: &'static str,
    /// The Slack workspace of the incident. Always empty.
    slack_team_id: &'static str,
    /// When the incident was created.
    created_at: Time,
    /// When the incident was last updated.
    updated_at: Time,
    /// When something last happened in the incident.
    last_activity_at: Time,
}

/// A role and the person who has it.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct RoleAssignmentView {
    /// The role.
    role: IncidentRoleView,
    /// The person.
    assignee: UserView,
}

/// A timestamp and its value.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct TimestampValueView {
    /// The timestamp.
    incident_timestamp: IncidentTimestampView,
    /// The value. Absent if the incident has not reached the milestone.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<TimeValueView>,
}

/// A time.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct TimeValueView {
    value: Time,
}

/// Who has which role.
async fn assignments(
    store: &Store,
    choices: &Choices,
    incident: &Incident,
) -> ApiResult<Vec<RoleAssignmentView>> {
    let mut assignments = Vec::new();
    for role in &choices.roles {
        if let Some(user) = incident.roles.get(&role.id) {
            let assignee = UserView::load(store, incident.org, *user).await?;
            assignments.push(RoleAssignmentView { role: role.into(), assignee });
        }
    }
    Ok(assignments)
}

/// All milestones, with the time at which the incident reached them.
fn milestones(incident: &Incident) -> Vec<TimestampValueView> {
    let view = |milestone: &Milestone| TimestampValueView {
        incident_timestamp: IncidentTimestampView::new(incident.org, *milestone),
        value: incident.reached(*milestone).map(|at| TimeValueView { value: Time(at) }),
    };
    Milestone::ALL.iter().map(view).collect()
}

impl IncidentView {
    /// The view of an incident.
    pub(super) async fn load(
        api: &ApiState,
        caller: &Caller,
        choices: &Choices,
        incident: &Incident,
    ) -> ApiResult<Self> {
        let (org, store) = (incident.org, &api.ctx.store);
        Ok(Self {
            id: Id(incident.id),
            reference: incident.reference(),
            name: incident.title.clone(),
            summary: incident.summary.clone(),
            visibility: incident.visibility.name(),
            mode: "standard",
            permalink: format!("{}/incidents/{}", api.ctx.public_url, incident.number),
            severity: incident.severity.and_then(|id| choices::find(&choices.severities, id)),
            incident_status: choices::find(&choices.statuses, incident.status()),
            incident_type: IncidentTypeView::new(org),
            creator: ActorView::load(store, caller, &incident.creator, incident.alert).await?,
            custom_field_entries: EmptyList,
            incident_role_assignments: assignments(store, choices, incident).await?,
            incident_timestamp_values: milestones(incident),
            duration_metrics: EmptyList,
            postmortem_document_ids: EmptyList,
            team_ids: EmptyList,
            has_debrief: false,
            slack_channel_id: "",
            slack_team_id: "",
            created_at: Time(incident.created_at),
            updated_at: Time(incident.updated_at),
            last_activity_at: Time(incident.updated_at),
        })
    }
}
