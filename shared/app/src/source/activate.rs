//! Activates a draft alert source, so that its events create alerts that page.

use domain::access::Permission;
use domain::id::SourceId;
use domain::source::{Source, SourceState};
use domain::{Actor, Timestamp};
use machine::{Stateful, retry_conflicts};
use store::Store;
use tracing::instrument;

use super::find;
use crate::{AppError, Random};

/// Activates a draft alert source. An active one stays active.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such source, [`AppError::Invalid`] if the draft has not received an event yet,
/// or the source is disabled.
#[instrument(skip_all, fields(alert_source.id = %id))]
pub async fn activate(
    store: &Store,
    by: &Actor,
    id: SourceId,
    random: &Random,
    now: Timestamp,
) -> Result<Source, AppError> {
    let allowed = by.may(Permission::ConfigureOnCall)?;
    let (org, by) = (by.org(), by.identity());
    retry_conflicts(|| async move {
        let source = find(store, org, id).await?;
        match source.head().state() {
            SourceState::Draft => {}
            SourceState::Active => return Ok(source),
            SourceState::Disabled | SourceState::Destroyed => {
                let reason = "the alert source is not a draft: set `disabled` to false to enable it";
                return Err(AppError::invalid("state", reason));
            }
        }
        if store.sample(org, id).await?.is_none() {
            let reason = "the draft has not received an event yet: send an event from your system, or send a test alert";
            return Err(AppError::invalid("state", reason));
        }
        let step = source.transition_to(SourceState::Active, now)?.because(by.to_string(), "activated");
        super::commit(store, allowed, &source, step, (random, now)).await
    })
    .await
}
