//! Rescues an event that could not be handled: a bare alert, and a page to the fallback contact.

use domain::alert::key::{Decision, decide};
use domain::alert::{Body, Received, Routing};
use domain::escalation::Plan;
use domain::trace::Trace;
use domain::{Identity, Timestamp};
use machine::retry_conflicts;
use store::{Store, Touched};
use tracing::instrument;

use super::open::{Case, Opening};
use crate::{AppError, Rules};

/// Opens a bare alert without any of our own rules, and pages the fallback contact.
///
/// # Errors
/// [`AppError`] if the event is not handled and must come again.
#[instrument(skip_all, fields(event.id = %received.id, alert_source.id = %received.source), err)]
pub async fn rescue(
    store: &Store,
    rules: &Rules,
    received: &Received,
    trace: &Trace,
    now: Timestamp,
) -> Result<Decision, AppError> {
    let hash = received.key();
    let arrival = received.arrival();
    let by = Identity::system("alert-rescue");
    let (hash, arrival, by) = (&hash, &arrival, &by);
    retry_conflicts(|| async move {
        let known = match store.touch_key(received.org, received.source, hash, arrival).await? {
            Touched::Counted => return Ok(Decision::Touch),
            Touched::Known(known) => known,
        };
        let decision = decide(known.as_ref(), arrival);
        if decision != Decision::Open {
            // Only a page must not be lost; whatever else it was, the alert is known already.
            return Ok(decision);
        }
        let rules = &rules.without(received.org).await?;
        let event = &received.event;
        let body = Body {
            title: event.title.clone(),
            description: event.description.clone(),
            source_url: event.source_url.clone(),
            priority: event.priority.clone(),
            attributes: Vec::new(),
            deduplication_key: event.deduplication_key.clone(),
            problems: vec!["it could not be handled by the rules, again and again".to_owned()],
            updated_at: received.received_at,
        };
        let opening = Opening {
            body,
            routing: Routing::Fallback,
            plans: vec![(Plan::Fallback, true)],
            incident: None,
            group: None,
        };
        let case = Case { store, rules, received, trace, known: known.as_ref(), by, now };
        case.open(opening).await?;
        Ok(decision)
    })
    .await
}
