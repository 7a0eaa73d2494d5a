//! Stops an alert's escalations because somebody at its sender is on it.

use domain::alert::AlertStatus;
use domain::escalation::EscalationState;
use domain::id::{OrgId, SourceId};
use domain::{Identity, Timestamp};
use store::Store;
use tracing::instrument;

use crate::AppError;
use crate::escalation::respond;

/// How much of a sender's word for somebody is kept.
const NAME_BYTES: usize = 100;

/// Acknowledges what pages for an alert that goes on.
///
/// One that is not known, or is over, has nothing to be stopped; and one of a group pages for the others, too, which
/// nobody has said they are on.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all, fields(alert_source.id = %source), err)]
pub async fn acknowledge(
    store: &Store,
    (org, source): (OrgId, SourceId),
    key: &str,
    by: Option<&str>,
    now: Timestamp,
) -> Result<(), AppError> {
    let known = store.key(org, source, key).await?;
    let goes_on = known.filter(|row| row.status == AlertStatus::Firing);
    let Some(id) = goes_on.and_then(|row| row.alert) else { return Ok(()) };
    let Some(alert) = store.alert(org, id).await?.filter(|alert| alert.group.is_none()) else {
        return Ok(());
    };
    let who = by.map_or_else(String::new, |by| format!(" ({})", domain::text::shorten(by, NAME_BYTES)));
    let (by, why) = (
        Identity::System(format!("alert_source:{source}")),
        format!("acknowledged in the system that sent the alert{who}"),
    );
    for escalation in alert.escalations {
        respond::stop(store, &by, (org, escalation), (EscalationState::Acked, &why), now).await?;
    }
    Ok(())
}
