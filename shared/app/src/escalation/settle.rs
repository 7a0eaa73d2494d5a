//! An alert is over: so are the escalations that page for it.

use domain::escalation::EscalationState;
use domain::id::{AlertId, EscalationId, OrgId};
use domain::{Identity, Timestamp};
use machine::retry_conflicts;
use store::Store;
use tracing::instrument;

use crate::AppError;

/// Resolves the escalations of an alert that is over, then notes that they are owed nothing more.
///
/// # Errors
/// [`AppError`] if the news must come again.
#[instrument(skip_all, fields(alert.id = %id), err)]
pub async fn settle(store: &Store, org: OrgId, id: AlertId, now: Timestamp) -> Result<(), AppError> {
    let Some(alert) = store.alert(org, id).await? else { return Ok(()) };
    if alert.due.is_none() {
        return Ok(());
    }
    for &escalation in &alert.escalations {
        retry_conflicts(|| resolve(store, org, escalation, now)).await?;
    }
    store.alert_settled(org, id).await?;
    Ok(())
}

async fn resolve(store: &Store, org: OrgId, id: EscalationId, now: Timestamp) -> Result<(), AppError> {
    let Some(escalation) = store.escalation(org, id).await? else { return Ok(()) };
    if !escalation.auto_cancel {
        return Ok(());
    }
    let by = Identity::system("alert");
    match escalation.stop(EscalationState::Resolved, &by, "the alert was resolved", now) {
        Ok(stopped) => {
            stopped.execute(store).await?;
        }
        Err(illegal) => store.illegal(&illegal),
    }
    Ok(())
}
