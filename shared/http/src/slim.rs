//! Alerts and incidents where another object names them.

use domain::Timestamp;
use domain::alert::{Alert, AlertState, Body};
use domain::id::{AlertId, IncidentId, SourceId};
use domain::incident::Incident;
use machine::{State as _, Stateful};
use schemars::JsonSchema;
use serde::Serialize;

use crate::schema::{Id, Time};

/// An alert, where another object names it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AlertSlimView {
    /// The id.
    id: Id<AlertId>,
    /// The alert source.
    alert_source_id: Id<SourceId>,
    /// The title.
    title: String,
    /// The description.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// The state.
    #[schemars(extend("enum" = ["firing", "resolved"]))]
    status: &'static str,
    /// The sender's identity for the alert.
    deduplication_key: String,
    /// The address of the alert in the system that sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    source_url: Option<String>,
    /// The group of the alert, named by the first alert of the group.
    alert_group_ids: Vec<Id<AlertId>>,
    /// When the alert was created.
    created_at: Time,
    /// When the alert changed.
    updated_at: Time,
    /// When the alert was resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved_at: Option<Time>,
}

impl AlertSlimView {
    /// The view of an alert.
    pub(crate) fn new(alert: &Alert, body: &Body) -> Self {
        Self {
            id: Id(alert.id),
            alert_source_id: Id(alert.source),
            title: body.title.clone(),
            description: body.description.clone(),
            status: match alert.head().state() {
                AlertState::Firing => "firing",
                AlertState::Resolved => "resolved",
            },
            deduplication_key: body.deduplication_key.clone(),
            source_url: body.source_url.clone(),
            alert_group_ids: alert.group.into_iter().map(Id).collect(),
            created_at: Time(alert.created_at),
            updated_at: Time(updated_at(alert, body)),
            resolved_at: alert.resolved_at.map(Time),
        }
    }
}

/// When an alert last changed.
pub(crate) fn updated_at(alert: &Alert, body: &Body) -> Timestamp {
    alert.resolved_at.map_or(body.updated_at, |resolved_at| resolved_at.max(body.updated_at))
}

/// An incident, where another object names it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct IncidentSlimView {
    /// The id.
    id: Id<IncidentId>,
    /// The number.
    external_id: i64,
    /// The reference, as `INC-123`.
    reference: String,
    /// The name.
    name: String,
    /// The summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
    /// The category of the status.
    status_category: &'static str,
    /// Who sees the incident.
    #[schemars(extend("enum" = ["public", "private"]))]
    visibility: &'static str,
}

impl From<&Incident> for IncidentSlimView {
    fn from(incident: &Incident) -> Self {
        Self {
            id: Id(incident.id),
            external_id: i64::try_from(incident.number).unwrap_or(i64::MAX),
            reference: incident.reference(),
            name: incident.title.clone(),
            summary: incident.summary.clone(),
            status_category: incident.head().state().name(),
            visibility: incident.visibility.name(),
        }
    }
}
