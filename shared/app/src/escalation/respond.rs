//! Responds to an escalation: acknowledges, unacknowledges or cancels it.

use domain::access::Permission;
use domain::escalation::{Escalation, EscalationState};
use domain::id::{EscalationId, OrgId};
use domain::{Actor, Identity, Timestamp};
use machine::{Stateful, Transition, retry_conflicts};
use store::{Commit, Store};
use tracing::instrument;

use crate::incident::seen::hidden;
use crate::{AppError, Rules};

/// The outcome of stopping an escalation.
#[derive(Debug, Clone)]
pub enum StopOutcome {
    /// It counts.
    Now(Escalation),
    /// It was acknowledged before, or has ended.
    Already(Escalation),
}

impl StopOutcome {
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

/// Refuses an escalation of a private incident to a caller who neither sees the incident nor is notified.
async fn check_seen(store: &Store, by: &Actor, escalation: &Escalation) -> Result<(), AppError> {
    let id = escalation.id;
    if hidden(store, by, [escalation.incident]).await?.is_empty() {
        return Ok(());
    }
    let user = by.identity().user();
    let notifications = store.escalation_with_story(by.org(), id).await?.map(|told| told.notifications);
    let is_notified = notifications.unwrap_or_default().iter().any(|one| Some(one.user) == user);
    if is_notified { Ok(()) } else { Err(AppError::not_found("escalation", id)) }
}

/// Stops an escalation in a state, unless it is in that state or a later one. For verbs that have checked their caller.
pub(crate) async fn stop(
    store: &Store,
    by: &Identity,
    (org, id): (OrgId, EscalationId),
    to: (EscalationState, &str),
    now: Timestamp,
) -> Result<StopOutcome, AppError> {
    retry_conflicts(|| async move {
        let escalation = load(store, org, id).await?;
        stop_once(store, by, escalation, to, now).await
    })
    .await
}

/// Stops an escalation for a caller who may respond to it.
async fn stop_for(
    store: &Store,
    by: &Actor,
    id: EscalationId,
    to: (EscalationState, &str),
    now: Timestamp,
) -> Result<StopOutcome, AppError> {
    retry_conflicts(|| async move {
        let escalation = load(store, by.org(), id).await?;
        check_seen(store, by, &escalation).await?;
        stop_once(store, by.identity(), escalation, to, now).await
    })
    .await
}

async fn stop_once(
    store: &Store,
    by: &Identity,
    escalation: Escalation,
    (to, why): (EscalationState, &str),
    now: Timestamp,
) -> Result<StopOutcome, AppError> {
    let stopped: Transition<Escalation> = match escalation.stop(to, by, why, now) {
        Ok(stopped) => stopped,
        Err(illegal) => {
            store.illegal(&illegal);
            return Ok(StopOutcome::Already(escalation));
        }
    };
    let after = stopped.after().clone();
    stopped.execute(store).await?;
    Ok(StopOutcome::Now(after))
}

/// Acknowledges an escalation, so that nobody else is notified.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such escalation.
#[instrument(skip_all, fields(escalation.id = %id))]
pub async fn acknowledge(
    store: &Store,
    by: &Actor,
    id: EscalationId,
    now: Timestamp,
) -> Result<StopOutcome, AppError> {
    by.may(Permission::Respond)?;
    stop_for(store, by, id, (EscalationState::Acked, "acknowledged"), now).await
}

/// Cancels an escalation.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such escalation.
#[instrument(skip_all, fields(escalation.id = %id))]
pub async fn cancel(
    store: &Store,
    by: &Actor,
    id: EscalationId,
    now: Timestamp,
) -> Result<StopOutcome, AppError> {
    by.may(Permission::Respond)?;
    stop_for(store, by, id, (EscalationState::Cancelled, "cancelled"), now).await
}

/// Withdraws an acknowledgement: the first level is notified again.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such escalation, [`AppError::Illegal`] if it was not acknowledged.
#[instrument(skip_all, fields(escalation.id = %id))]
pub async fn unacknowledge(
    store: &Store,
    rules: &Rules,
    by: &Actor,
    id: EscalationId,
    now: Timestamp,
) -> Result<Escalation, AppError> {
    by.may(Permission::Respond)?;
    let org = by.org();
    retry_conflicts(|| async move {
        let escalation = load(store, org, id).await?;
        check_seen(store, by, &escalation).await?;
        if escalation.head().state() != EscalationState::Acked {
            return Err(AppError::Illegal(
                "only an acknowledged escalation can be unacknowledged".to_owned(),
            ));
        }
        let (levels, staff) = rules.of(org).await?.levels(&escalation.plan).await?;
        let (next, notifications) = escalation.restart(&levels, &staff, by.identity(), now)?;
        let after = next.after().clone();
        store.commit(Commit::new().transition(next).transitions(notifications)).await?;
        Ok(after)
    })
    .await
}
