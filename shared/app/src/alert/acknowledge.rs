//! Acknowledges the escalations of an alert because somebody acknowledged it in the system that sent it.

use domain::alert::AlertStatus;
use domain::escalation::EscalationState;
use domain::id::{OrgId, SourceId};
use domain::{Identity, Timestamp};
use store::Store;
use tracing::instrument;

use crate::AppError;
use crate::escalation::respond;

/// The most bytes of a person's name that are kept.
const NAME_BYTES: usize = 100;

/// Acknowledges the escalations of a firing alert.
///
/// An unknown or resolved alert has nothing to acknowledge. The escalations of a grouped alert notify people for the
/// other alerts of the group too, which nobody acknowledged, so they go on.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all, fields(alert_source.id = %source))]
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
