//! The escalations of an incident.

use domain::escalation::Escalation;
use domain::id::EscalationId;
use domain::incident::Incident;
use store::Store;

use crate::AppError;
use crate::rules::readable;

/// Finds the escalations of an incident: those of the alert that opened it, unless the alert was taken out of the incident,
/// and the newest `most` of the others. An escalation that cannot be read is left out.
///
/// # Errors
/// [`AppError`] if the store failed.
pub(crate) async fn escalations_of(
    store: &Store,
    incident: &Incident,
    most: usize,
) -> Result<Vec<Escalation>, AppError> {
    let alert = match incident.alert {
        Some(alert) => readable(store.alert(incident.org, alert).await)?,
        None => None,
    };
    let alert = alert.filter(|alert| alert.incident == Some(incident.id));
    let mut ids: Vec<EscalationId> = alert.map(|alert| alert.escalations).unwrap_or_default();
    ids.extend(store.attached_escalations(incident.org, incident.id, most).await?);
    let mut escalations = Vec::new();
    for id in ids {
        escalations.extend(readable(store.escalation(incident.org, id).await)?);
    }
    Ok(escalations)
}
