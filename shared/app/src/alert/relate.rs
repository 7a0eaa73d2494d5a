//! Adds an alert to an incident by hand, or removes it from its incident.

use domain::Actor;
use domain::access::Permission;
use domain::alert::Alert;
use domain::id::{AlertId, IncidentId};
use domain::incident::Incident;
use machine::retry_conflicts;
use store::{Commit, Store};
use tracing::instrument;

use super::seen;
use crate::AppError;
use crate::incident::seen as incident_seen;

/// Adds an alert to an incident; an alert that already belongs to it stays as it is.
///
/// An alert belongs to one incident at a time. An alert that was removed from this incident is added again only if
/// `again` is set.
///
/// # Errors
/// [`AppError::NotFound`] if either is not there, [`AppError::Illegal`] if it belongs to another, or was taken out.
#[instrument(skip_all, fields(alert.id = %id, incident.id = %incident))]
pub async fn relate(
    store: &Store,
    by: &Actor,
    (id, incident): (AlertId, IncidentId),
    again: bool,
) -> Result<(Alert, Incident), AppError> {
    by.may(Permission::Respond)?;
    let incident = incident_seen::find(store, by, incident).await?;
    let incident = &incident;
    retry_conflicts(|| async move {
        let alert = seen::find(store, by, id).await?;
        match alert.incident {
            Some(known) if known == incident.id => return Ok((alert, incident.clone())),
            Some(_) => {
                let reason = "the alert belongs to another incident: remove it from that incident first";
                return Err(AppError::Illegal(reason.to_owned()));
            }
            None => {}
        }
        if !again && store.was_attached(by.org(), incident, id).await? {
            let reason = "the alert was removed from this incident: set `re_relate` to add it again";
            return Err(AppError::Illegal(reason.to_owned()));
        }
        store.commit(Commit::new().belongs(&alert, Some(incident.id))).await?;
        Ok((Alert { incident: Some(incident.id), ..alert }, incident.clone()))
    })
    .await
}

/// Removes an alert from an incident. The alert's escalations go on.
///
/// # Errors
/// [`AppError::NotFound`] if either is not there.
#[instrument(skip_all, fields(alert.id = %id, incident.id = %incident))]
pub async fn unrelate(
    store: &Store,
    by: &Actor,
    (id, incident): (AlertId, IncidentId),
) -> Result<(Alert, Incident), AppError> {
    by.may(Permission::Respond)?;
    let incident = incident_seen::find(store, by, incident).await?;
    let incident = &incident;
    retry_conflicts(|| async move {
        let alert = seen::find(store, by, id).await?;
        if alert.incident != Some(incident.id) {
            return Ok((alert, incident.clone()));
        }
        store.commit(Commit::new().belongs(&alert, None).attached_alert(by.org(), incident.id, id)).await?;
        Ok((Alert { incident: None, ..alert }, incident.clone()))
    })
    .await
}
