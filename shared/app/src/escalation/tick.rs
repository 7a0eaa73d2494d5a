//! Handles the timer of an escalation: the next level is notified, or the escalation expires.

use domain::alert::AlertState;
use domain::escalation::level::EscalationStep;
use domain::escalation::{Escalation, EscalationState, Tick};
use domain::id::{EscalationId, OrgId};
use domain::{Identity, Timestamp};
use machine::{Stateful, retry_conflicts};
use store::{Commit, Store};
use tracing::instrument;

use super::reconcile;
use crate::rules::readable;
use crate::{AppError, Rules};

/// Handles a timer, if it is still due.
///
/// # Errors
/// [`AppError`] if the timer must come again.
#[instrument(skip_all, fields(escalation.id = %id))]
pub async fn tick(
    store: &Store,
    rules: &Rules,
    org: OrgId,
    id: EscalationId,
    now: Timestamp,
) -> Result<Tick, AppError> {
    retry_conflicts(|| tick_once(store, rules, org, id, now)).await
}

async fn tick_once(
    store: &Store,
    rules: &Rules,
    org: OrgId,
    id: EscalationId,
    now: Timestamp,
) -> Result<Tick, AppError> {
    let Some(escalation) = store.escalation(org, id).await? else { return Ok(Tick::Over) };
    if escalation.due.is_none() {
        check_group(store, rules, &escalation, now).await?;
        return Ok(Tick::Over);
    }
    let (levels, staff) = rules.of(org).await?.levels(&escalation.plan).await?;
    let mut now = now;
    let mut decided = domain::escalation::tick(&escalation, &levels, now);
    if let Tick::Wait(until) = decided {
        tokio::time::sleep(until.duration_since(now).unsigned_abs()).await;
        now = until;
        decided = domain::escalation::tick(&escalation, &levels, now);
    }
    let by = Identity::system("escalation-tick");
    let (step, notifications): EscalationStep = match decided {
        Tick::Wait(_) | Tick::TooEarly | Tick::Over => return Ok(decided),
        _ if alerts_are_over(store, &escalation).await? => {
            let why = "its alert was resolved";
            (escalation.stop(EscalationState::Resolved, &by, why, now)?, Vec::new())
        }
        Tick::Escalate(level) => escalation.escalate(level, &levels, &staff, &by, now)?,
        Tick::Expire => escalation.expire(&staff, &by, now)?,
    };
    let after = step.after().clone();
    store.commit(Commit::new().transition(step).transitions(notifications)).await?;
    check_group(store, rules, &after, now).await?;
    Ok(decided)
}

/// Makes sure that no alert joined a group at the moment its escalation ended.
async fn check_group(
    store: &Store,
    rules: &Rules,
    escalation: &Escalation,
    now: Timestamp,
) -> Result<(), AppError> {
    let ended = escalation.head().state() == EscalationState::Resolved;
    let Some(group) = escalation.group.filter(|_| ended) else { return Ok(()) };
    match store.member(escalation.org, group).await? {
        Some(joined) => {
            let cause = (joined, reconcile::RestartCause::OtherResolved);
            reconcile::ensure_covered(store, rules, escalation.org, cause, now).await
        }
        None => Ok(()),
    }
}

/// Says whether the alerts of an escalation are resolved, so that it is about to be resolved. The message that resolves it may
/// be late.
pub(crate) async fn alerts_are_over(store: &Store, escalation: &Escalation) -> Result<bool, AppError> {
    let Some(alert) = escalation.alert.filter(|_| escalation.auto_cancel) else { return Ok(false) };
    if let Some(group) = escalation.group {
        return Ok(store.member(escalation.org, group).await?.is_none());
    }
    // An unreadable alert may still be firing: when in doubt, notify.
    let alert = readable(store.alert(escalation.org, alert).await)?;
    Ok(alert.is_some_and(|alert| alert.head().state() == AlertState::Resolved))
}
