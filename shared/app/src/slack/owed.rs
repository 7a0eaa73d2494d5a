//! Finds the steps of an incident that are still to be done in Slack, for the incident's page.

use domain::incident::Incident;
use domain::slack::{Step, StepId, StepState, Thread, follow};
use futures_util::future::try_join_all;
use machine::Stateful;
use store::Store;
use tracing::instrument;

use super::follow::{ANNOUNCE, CHANNEL, INVITE, MESSAGE, SHARE};
use crate::AppError;

/// The beginning of the ids of the steps that follow an incident.
const FOLLOW: &str = "follow-";

/// How many steps are read of a kind of which there is one for each change: the newest.
const MOST: usize = 20;

/// Says whether a step is still to be done, or has failed.
fn is_owed(step: &Step) -> bool {
    match step.head().state() {
        StepState::Pending | StepState::Doing | StepState::Failed => true,
        StepState::Done | StepState::Obsolete => false,
    }
}

/// Finds the steps that are to be done, without a read if Slack does not follow the incident.
///
/// Of the steps that follow the incident, each of which does the work of all before it, only the oldest is returned.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all, fields(incident.id = %incident.id))]
pub async fn owed(store: &Store, incident: &Incident) -> Result<Vec<Step>, AppError> {
    if !incident.followers.contains(follow::NAME) {
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
