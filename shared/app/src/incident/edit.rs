//! Edits the fields of an incident.

use domain::access::Permission;
use domain::id::{IncidentId, OrgId, RoleId, SeverityId, StatusId, UserId};
use domain::incident::{Change, Incident, Milestone};
use domain::{Actor, Timestamp};
use machine::retry_conflicts;
use store::{Choices, Store};
use tracing::instrument;

use super::change::{self, offered, status};
use super::seen;
use crate::AppError;
use crate::escalation_path::save::check_user;

/// A change of an incident's fields; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    /// Its name.
    pub name: Option<String>,
    /// The summary; an empty text removes it.
    pub summary: Option<String>,
    /// The severity.
    pub severity: Option<SeverityId>,
    /// The status.
    pub status: Option<StatusId>,
    /// The people in roles; `None` removes the person.
    pub roles: Vec<(RoleId, Option<UserId>)>,
    /// The times of milestones; `None` removes the time.
    pub milestones: Vec<(Milestone, Option<Timestamp>)>,
    /// Whether the change is announced in the incident's channel.
    pub announce: bool,
}

/// The most roles that one edit assigns.
const MOST_ROLES: usize = 20;

impl Edit {
    /// The change to decide on, after everything that it names was found.
    pub(super) async fn change(
        self,
        store: &Store,
        org: OrgId,
        choices: &Choices,
    ) -> Result<Change, AppError> {
        if self.name.as_ref().is_some_and(|name| name.trim().is_empty()) {
            return Err(AppError::invalid("name", "a name is required"));
        }
        if let Some(id) = self.severity {
            offered(&choices.severities, "severity_id", id)?;
        }
        let status = self.status.map(|id| status(choices, "incident_status_id", id)).transpose()?;
        if self.roles.len() > MOST_ROLES {
            let reason = format!("at most {MOST_ROLES} roles can be assigned at once");
            return Err(AppError::invalid("incident_role_assignments", reason));
        }
        for (n, (role, user)) in self.roles.iter().enumerate() {
            let field = format!("incident_role_assignments.{n}");
            offered(&choices.roles, &format!("{field}.incident_role_id"), *role)?;
            if let Some(user) = user {
                check_user(store, org, &format!("{field}.assignee.id"), *user).await?;
            }
        }
        Ok(Change {
            name: self.name,
            summary: self.summary,
            severity: self.severity,
            status,
            roles: self.roles,
            milestones: self.milestones,
            message: None,
            pinned: None,
            announce: self.announce,
        })
    }
}

/// Edits an incident in one step and returns it.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such incident, [`AppError::Invalid`] naming what there is not,
/// [`AppError::Illegal`] if its state does not allow it.
#[instrument(skip_all, fields(incident.id = %id))]
pub async fn edit(
    store: &Store,
    by: &Actor,
    id: IncidentId,
    edit: &Edit,
    now: Timestamp,
) -> Result<Incident, AppError> {
    by.may(Permission::EditIncidents)?;
    let (org, actor, by) = (by.org(), by, by.identity());
    retry_conflicts(|| async move {
        let incident = seen::find(store, actor, id).await?;
        let choices = store.incident_choices(org).await?;
        let change = edit.clone().change(store, org, &choices).await.map_err(in_incident)?;
        change::commit(store, by, incident, (&choices, &change), |commit| commit, now).await
    })
    .await
}

/// The fields of an edit are nested in `incident`.
fn in_incident(error: AppError) -> AppError {
    match error {
        AppError::Invalid { field, reason } => AppError::invalid(format!("incident.{field}"), reason),
        AppError::NotFound { .. }
        | AppError::Forbidden(_)
        | AppError::Illegal(_)
        | AppError::Conflict
        | AppError::Unavailable { .. } => error,
    }
}
