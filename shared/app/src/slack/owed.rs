//! Finds what Slack is still owed because of an incident, for whoever looks at it.

use domain::incident::Incident;
use domain::slack::{Step, StepId, StepState, Thread};
use futures_util::future::try_join_all;
use machine::Stateful;
use store::Store;
use tracing::instrument;

use super::follow::{ANNOUNCE, CHANNEL, INVITE, MESSAGE, SHARE};
use crate::AppError;

/// What the ids of looks begin with.
const FOLLOW: &str = "follow-";

/// The most steps of a kind of which there are as many as changes; the newest are looked at.
const MOST: usize = 20;

/// Says whether a step is not done, or failed.
fn is_owed(step: &Step) -> bool {
    match step.head().state() {
        StepState::Pending | StepState::Doing | StepState::Failed => true,
        StepState::Done | StepState::Obsolete => false,
    }
}

/// Finds the steps that are owed; none if Slack does not follow the incident, without a read.
///
/// Of looks, each of which does for all before it, only the one that has waited longest is told.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all, fields(incident.id = %incident.id), err)]
pub async fn owed(store: &Store, incident: &Incident) -> Result<Vec<Step>, AppError> {
    if !incident.followed {
        return Ok(Vec::new());
    }
    let (org, thread) = (incident.org, &Thread::incident(incident.id));
    let once = [CHANNEL, ANNOUNCE, MESSAGE, INVITE].map(StepId::of);
    let once = try_join_all(once.iter().map(|id| store.slack_step(org, thread, id)));
    let (once, looks, shares) = tokio::try_join!(
        once,
        store.newest_slack_steps(org, thread, FOLLOW, MOST),
        store.newest_slack_steps(org, thread, SHARE, MOST),
    )?;
    let look = looks.into_iter().filter(is_owed).min_by_key(|step| step.since);
    let rest = once.into_iter().flatten().chain(shares).filter(is_owed);
    Ok(look.into_iter().chain(rest).collect())
}
