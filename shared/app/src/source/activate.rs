//! Activates a draft: from now on, what its senders deliver pages.

use domain::access::Permission;
use domain::id::SourceId;
use domain::source::{Source, SourceState};
use domain::{Actor, Timestamp};
use machine::{Stateful, retry_conflicts};
use store::Store;
use tracing::instrument;

use super::find;
use crate::{AppError, Random};

/// Activates a draft; one that is active stays so.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such source, [`AppError::Invalid`] if nothing has arrived at it yet or it is
/// disabled.
#[instrument(skip_all, fields(alert_source.id = %id), err)]
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
                let reason = "it is no draft: enable it with `disabled` being false";
                return Err(AppError::invalid("state", reason));
            }
        }
        if store.sample(org, id).await?.is_none() {
            let reason = "nothing has arrived at this draft yet: let its sender deliver something, or send the \
                          example with `actions/send_test`";
            return Err(AppError::invalid("state", reason));
        }
        let step = source.transition_to(SourceState::Active, now)?.because(by.to_string(), "activated");
        super::commit(store, allowed, &source, step, (random, now)).await
    })
    .await
}
