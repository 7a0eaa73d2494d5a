//! A job pings its heartbeat source.

use domain::Timestamp;
use domain::alert::AlertStatus;
use domain::id::{OrgId, SourceId};
use domain::source::SourceState;
use domain::source::heartbeat::{Heartbeat, HeartbeatState};
use domain::trace::Trace;
use machine::{Stateful, retry_conflicts};
use store::{Commit, Pinged, Store};
use tracing::instrument;

use super::told;
use crate::AppError;

/// Counts a ping. This is one write, unless the ping is the first or resolves an alert.
///
/// # Errors
/// [`AppError`] if it was not counted and must come again.
#[instrument(skip_all, fields(alert_source.id = %id))]
pub async fn ping(
    store: &Store,
    (org, id): (OrgId, SourceId),
    trace: &Trace,
    now: Timestamp,
) -> Result<(), AppError> {
    retry_conflicts(|| async move {
        let known = match store.ping(org, id, now).await? {
            Pinged::Counted => return Ok(()),
            Pinged::Known(known) => known,
        };
        let source = store.source(org, id).await?;
        let source = source.filter(|source| source.head().state() != SourceState::Destroyed);
        let watched = source.as_ref().and_then(|source| Some((source, source.intake.beat.as_ref()?)));
        // Its source was deleted at this moment: nobody watches it.
        let Some((source, beat)) = watched else { return Ok(()) };
        let step = match known {
            None => Heartbeat::first((org, id), beat, trace.clone(), now)?,
            Some(job) => {
                let missed = job.head().state() == HeartbeatState::Missed;
                let over = missed.then(|| told(source, beat, &job, AlertStatus::Resolved, now));
                job.back(beat, over, now)?
            }
        };
        let step = step.because(format!("alert_source:{id}"), "ping");
        Ok(store.commit(Commit::new().transition(step)).await?)
    })
    .await
}
