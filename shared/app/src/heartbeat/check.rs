//! Checks whether the ping of a heartbeat arrived in time.

use domain::Timestamp;
use domain::alert::AlertStatus;
use domain::id::{OrgId, SourceId};
use domain::source::SourceState;
use domain::source::heartbeat::HeartbeatState;
use machine::Stateful;
use store::{Commit, Store};
use tracing::instrument;

use super::told;
use crate::AppError;
use crate::error::whoever_was_first;
use crate::rules::readable;

/// Fires the alert of a missed ping, or checks again later. A ping that arrives at this moment wins.
///
/// # Errors
/// [`AppError`] if it has to be tried again.
#[instrument(skip_all, fields(alert_source.id = %id))]
pub async fn check(store: &Store, (org, id): (OrgId, SourceId), now: Timestamp) -> Result<(), AppError> {
    let job = readable(store.heartbeat(org, id).await)?;
    // The message came early, or the check was done: the sweep sends another one.
    let Some(job) = job.filter(|job| job.due.is_some_and(|due| due <= now)) else { return Ok(()) };
    if let Some(owed) = job.owed() {
        let known = readable(store.key(org, id, &owed.key()).await)?;
        if known.is_none_or(|row| row.received_at < owed.received_at) {
            let again = job.tell_again(owed, now)?.because("system:alert-handle", "it was not handled");
            return whoever_was_first(store.commit(Commit::new().transition(again)).await);
        }
    }
    if job.head().state() == HeartbeatState::Missed {
        let told = job.look_later(None, now)?.because("system:alert-handle", "its alert is handled");
        return whoever_was_first(store.commit(Commit::new().transition(told)).await);
    }
    let source = store.source(org, id).await?;
    let watched = source.as_ref().filter(|source| source.head().state().takes_deliveries());
    let step = match watched.and_then(|source| Some((source, source.intake.beat.as_ref()?))) {
        None => {
            let gone = source.as_ref().is_none_or(|source| source.head().state() == SourceState::Destroyed);
            job.rest(gone, now)?.because("system:alert-handle", "nobody watches it")
        }
        Some((source, beat)) => {
            let deadline = beat.deadline(job.last_ping_at);
            match now < deadline {
                true => job.look_later(Some(deadline), now)?.because("system:alert-handle", "a ping arrived"),
                false => {
                    let alert = told(source, beat, &job, AlertStatus::Firing, now);
                    job.miss(alert, now)?.because("system:alert-handle", "no ping arrived in time")
                }
            }
        }
    };
    whoever_was_first(store.commit(Commit::new().transition(step)).await)
}
