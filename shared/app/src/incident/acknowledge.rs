//! Acknowledges everything that an incident notifies people of.

use domain::access::Permission;
use domain::escalation::Escalation;
use domain::id::IncidentId;
use domain::{Actor, Timestamp};
use machine::Stateful;
use store::Store;
use tracing::instrument;

use super::escalations::escalations_of;
use super::seen;
use crate::AppError;
use crate::escalation::respond;

/// The most escalations that are acknowledged at once.
const MOST_ESCALATIONS: usize = 20;

/// Acknowledges the escalations of an incident that still notify somebody, and returns them.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such incident.
#[instrument(skip_all, fields(incident.id = %id))]
pub async fn acknowledge(
    store: &Store,
    by: &Actor,
    id: IncidentId,
    now: Timestamp,
) -> Result<Vec<Escalation>, AppError> {
    by.may(Permission::Respond)?;
    let incident = seen::find(store, by, id).await?;
    let mut escalations = escalations_of(store, &incident, MOST_ESCALATIONS).await?;
    escalations.retain(|escalation| escalation.head().state().notifies());
    for escalation in &escalations {
        respond::acknowledge(store, by, escalation.id, now).await?;
    }
    Ok(escalations)
}
