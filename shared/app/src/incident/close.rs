//! Closes an incident, and ends its notifications.

use domain::access::Permission;
use domain::alert::AlertState;
use domain::escalation::EscalationState;
use domain::id::IncidentId;
use domain::incident::{Incident, IncidentState, Status};
use domain::{Actor, Identity, Timestamp};
use machine::Stateful;
use store::Store;
use tracing::instrument;

use super::escalations::escalations_of;
use super::seen;
use super::update::{Update, update};
use crate::AppError;
use crate::alert::resolve::resolve_as;
use crate::escalation::respond::stop;
use crate::escalation::tick::alerts_are_over;
use crate::rules::readable;

/// The most escalations of an incident that closing it ends.
const MOST_ESCALATIONS: usize = 100;

/// The reason in the history of an alert or an escalation that ends with its incident.
const INCIDENT_ENDED: &str = "the incident ended";

/// The result of closing an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// The incident is closed.
    Now,
    /// The incident was in triage, so it is declined.
    Declined,
    /// The incident had ended before.
    Already,
}

/// Closes an incident, or declines it if it is still in triage. An incident that has ended stays as it is, but its
/// notifications end: an older version of Firebell may have closed it without ending them.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such incident.
#[instrument(skip_all, fields(incident.id = %id))]
pub async fn close(
    store: &Store,
    by: &Actor,
    id: IncidentId,
    (message, key): (Option<String>, &str),
    now: Timestamp,
) -> Result<(Incident, Closed), AppError> {
    by.may(Permission::EditIncidents)?;
    let incident = seen::find(store, by, id).await?;
    let (state, closed) = match incident.head().state() {
        IncidentState::Active | IncidentState::Paused | IncidentState::PostIncident => {
            (IncidentState::Closed, Closed::Now)
        }
        IncidentState::Triage => (IncidentState::Declined, Closed::Declined),
        IncidentState::Closed | IncidentState::Declined | IncidentState::Merged | IncidentState::Canceled => {
            Box::pin(end_paging(store, by.identity(), &incident, now)).await?;
            return Ok((incident, Closed::Already));
        }
    };
    let status = Some(Status::default_id(by.org(), state));
    update(store, by, id, &Update { message, status, severity: None }, Some(key), now).await?;
    Ok((incident, closed))
}

/// Ends the notifications of an incident that is about to end: resolves the alert that opened it, and cancels the
/// escalations that the end of their alerts does not end.
///
/// It runs before the incident's own commit. If it fails half-way, the incident is still open, and the caller
/// gets an error and tries again. Everything here may run twice.
///
/// # Errors
/// [`AppError`] if the store failed.
pub(super) async fn end_paging(
    store: &Store,
    by: &Identity,
    incident: &Incident,
    now: Timestamp,
) -> Result<(), AppError> {
    let org = incident.org;
    let alert = match incident.alert {
        Some(alert) => readable(store.alert(org, alert).await)?,
        None => None,
    };
    // An alert that was removed from the incident stays firing, and so do its escalations.
    let alert = alert.filter(|alert| alert.incident == Some(incident.id));
    if let Some(alert) = alert.filter(|alert| alert.head().state() == AlertState::Firing) {
        resolve_as(store, by, (org, alert.id), INCIDENT_ENDED, now).await?;
    }
    for escalation in escalations_of(store, incident, MOST_ESCALATIONS).await? {
        if escalation.head().state().notifies() && !alerts_are_over(store, &escalation).await? {
            let to = (EscalationState::Cancelled, INCIDENT_ENDED);
            stop(store, by, (org, escalation.id), to, now).await?;
        }
    }
    Ok(())
}
