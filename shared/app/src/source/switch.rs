//! Disables or enables an alert source, and changes nothing else.

use domain::access::Permission;
use domain::id::SourceId;
use domain::source::Source;
use domain::{Actor, Timestamp};
use machine::{Stateful, retry_conflicts};
use store::Store;
use tracing::instrument;

use super::find;
use super::update::{state_after, state_name};
use crate::{AppError, Random};

/// Disables an alert source, which then refuses deliveries, or enables it again.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such source, [`AppError::Invalid`] if it is a draft.
#[instrument(skip_all, fields(alert_source.id = %id))]
pub async fn switch(
    store: &Store,
    by: &Actor,
    (id, disabled): (SourceId, bool),
    random: &Random,
    now: Timestamp,
) -> Result<Source, AppError> {
    let allowed = by.may(Permission::ConfigureOnCall)?;
    let (org, by) = (by.org(), by.identity());
    retry_conflicts(|| async move {
        let source = find(store, org, id).await?;
        let state = state_after(source.head().state(), Some(disabled))?;
        if state == source.head().state() {
            return Ok(source);
        }
        let step = source.transition_to(state, now)?.because(by.to_string(), state_name(state));
        super::commit(store, allowed, &source, step, (random, now)).await
    })
    .await
}
