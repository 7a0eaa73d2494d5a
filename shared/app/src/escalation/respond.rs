//! Answers an escalation: acknowledges it, takes that back, or calls it off.

use domain::access::Permission;
use domain::escalation::{Escalation, EscalationState};
use domain::id::{EscalationId, OrgId};
use domain::{Actor, Identity, Timestamp};
use machine::{Stateful, Transition, retry_conflicts};
use store::{Commit, Store};
use tracing::instrument;

use crate::{AppError, Rules};

/// What came of an answer.
#[derive(Debug, Clone)]
pub enum Answered {
    /// It counts.
    Now(Escalation),
    /// It was answered before, or is over.
    Already(Escalation),
}

impl Answered {
    /// The escalation as it is now.
    pub fn escalation(&self) -> &Escalation {
        match self {
            Self::Now(escalation) | Self::Already(escalation) => escalation,
        }
    }
}

/// Loads an escalation.
async fn load(store: &Store, org: OrgId, id: EscalationId) -> Result<Escalation, AppError> {
    store.escalation(org, id).await?.ok_or_else(|| AppError::not_found("escalation", id))
}

/// Stops an escalation in a state, if it is not there or beyond already.
pub(crate) async fn stop(
    store: &Store,
    by: &Identity,
    (org, id): (OrgId, EscalationId),
    (to, why): (EscalationState, &str),
    now: Timestamp,
) -> Result<Answered, AppError> {
    retry_conflicts(|| async move {
        let escalation = load(store, org, id).await?;
        let stopped: Transition<Escalation> = match escalation.stop(to, by, why, now) {
            Ok(stopped) => stopped,
            Err(illegal) => {
                store.illegal(&illegal);
                return Ok(Answered::Already(escalation));
            }
        };
        let after = stopped.after().clone();
        stopped.execute(store).await?;
        Ok(Answered::Now(after))
    })
    .await
}

/// Acknowledges: somebody is on it, and nobody else is paged.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such escalation.
#[instrument(skip_all, fields(escalation.id = %id), err)]
pub async fn acknowledge(
    store: &Store,
    by: &Actor,
    id: EscalationId,
    now: Timestamp,
) -> Result<Answered, AppError> {
    by.may(Permission::Respond)?;
    stop(store, by.identity(), (by.org(), id), (EscalationState::Acked, "acknowledged"), now).await
}

/// Calls it off.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such escalation.
#[instrument(skip_all, fields(escalation.id = %id), err)]
pub async fn cancel(
    store: &Store,
    by: &Actor,
    id: EscalationId,
    now: Timestamp,
) -> Result<Answered, AppError> {
    by.may(Permission::Respond)?;
    stop(store, by.identity(), (by.org(), id), (EscalationState::Cancelled, "cancelled"), now).await
}

/// Takes an acknowledgement back: the first level is paged again.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such escalation, [`AppError::Illegal`] if it was not acknowledged.
#[instrument(skip_all, fields(escalation.id = %id), err)]
pub async fn unacknowledge(
    store: &Store,
    rules: &Rules,
    by: &Actor,
    id: EscalationId,
    now: Timestamp,
) -> Result<Escalation, AppError> {
    by.may(Permission::Respond)?;
    let (org, by) = (by.org(), by.identity());
    retry_conflicts(|| async move {
        let escalation = load(store, org, id).await?;
        if escalation.head().state() != EscalationState::Acked {
            return Err(AppError::Illegal(
                "only an acknowledged escalation can be unacknowledged".to_owned(),
            ));
        }
        let (levels, staff) = rules.of(org).await?.levels(&escalation.plan).await?;
        let (next, notifications) = escalation.restart(&levels, &staff, by, now)?;
        let after = next.after().clone();
        store.commit(Commit::new().transition(next).transitions(notifications)).await?;
        Ok(after)
    })
    .await
}
