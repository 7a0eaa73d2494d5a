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

/// The pauses after which an acknowledgement of an unknown alert is tried again, in seconds. The event that fires the
/// alert may be slower than the acknowledgement.
pub const RETRY_AFTER: &[u16] = &[2, 5, 10, 20, 30];

/// Whether the alert of an acknowledgement is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcknowledgedAlert {
    /// It is known.
    Known,
    /// No event of it was handled yet.
    Unknown,
}

/// Acknowledges the escalations of a firing alert.
///
/// A resolved alert has nothing to acknowledge. The escalations of a grouped alert notify people for the other alerts of
/// the group too, which nobody acknowledged, so they go on.
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
) -> Result<AcknowledgedAlert, AppError> {
    let Some(known) = store.key(org, source, key).await? else { return Ok(AcknowledgedAlert::Unknown) };
    let firing = known.alert.filter(|_| known.status == AlertStatus::Firing);
    let Some(id) = firing else { return Ok(AcknowledgedAlert::Known) };
    let Some(alert) = store.alert(org, id).await?.filter(|alert| alert.group.is_none()) else {
        return Ok(AcknowledgedAlert::Known);
    };
    let who = by.map_or_else(String::new, |by| format!(" ({})", domain::text::shorten(by, NAME_BYTES)));
    let (by, why) = (
        Identity::System(format!("alert_source:{source}")),
        format!("acknowledged in the system that sent the alert{who}"),
    );
    for escalation in alert.escalations {
        respond::stop(store, &by, (org, escalation), (EscalationState::Acked, &why), now).await?;
    }
    Ok(AcknowledgedAlert::Known)
}
