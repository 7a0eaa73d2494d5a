//! Rescues an event that could not be handled: a bare alert, and a page to the fallback contact; or an end, so that the
//! next beginning pages.

use std::borrow::Cow;

use domain::alert::key::{Decision, KeyRow, decide};
use domain::alert::{Body, ReceivedEvent, Routing};
use domain::escalation::PathRef;
use domain::trace::Trace;
use domain::{Identity, Timestamp};
use machine::retry_conflicts;
use store::{Commit, Store, Touched};
use tracing::{instrument, warn};

use super::custom::{self, Arrived};
use super::open::{Case, Opening};
use super::receive::{between, prolong, resolve};
use crate::{AppError, Rules};

/// Opens a bare alert without any of our own rules, and pages the fallback contact.
///
/// An end is handled as well: were it dropped, its key would go on firing, and the next episode would be taken for more
/// of the one that somebody has acknowledged long since.
///
/// # Errors
/// [`AppError`] if the event is not handled and must come again.
#[instrument(skip_all, fields(event.id = %received.id, alert_source.id = %received.source), err)]
pub async fn rescue(
    store: &Store,
    rules: &Rules,
    received: &ReceivedEvent,
    trace: &Trace,
    now: Timestamp,
) -> Result<Decision, AppError> {
    // Which alert it is of is said by the source's customer, as far as that can be read.
    let arrived = match custom::arrived(rules, received).await {
        Err(fault) if !fault.is_unreadable() => return Err(fault),
        Err(_) => Arrived { received: Cow::Borrowed(received), noted: Vec::new() },
        Ok(arrived) => arrived,
    };
    let (received, noted) = (&*arrived.received, &arrived.noted);
    let hash = received.key();
    let arrival = received.arrival();
    let by = Identity::system("alert-rescue");
    let (hash, arrival, by) = (&hash, &arrival, &by);
    retry_conflicts(|| async move {
        let known = match store.touch_key(received.org, received.source, hash, arrival).await? {
            Touched::Counted => return Ok(Decision::Repeat),
            Touched::Known(known) => known.map(|row| *row),
        };
        let decision = decide(known.as_ref(), arrival);
        match decision {
            Decision::Open => {}
            Decision::Resolve(_)
            | Decision::HoldFlapping(_)
            | Decision::ResolvedLater(_)
            | Decision::Tombstone => {
                end(store, received, known.as_ref(), decision, by, now).await?;
                return Ok(decision);
            }
            Decision::EndOvertaken(alert) => {
                if let Some(known) = &known {
                    between(store, rules, received, (alert, known), by, now).await?;
                }
                return Ok(decision);
            }
            // The alert is known already, and nobody is to be paged.
            Decision::OpenResolved | Decision::Repeat | Decision::Update | Decision::Stale => {
                return Ok(decision);
            }
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
            problems: [
                &["the alert could not be routed: handling it failed repeatedly".to_owned()],
                &noted[..],
            ]
            .concat(),
            sent: None,
            updated_at: received.received_at,
        };
        let opening = Opening {
            body,
            routing: Routing::Fallback,
            routes: Vec::new(),
            plans: vec![(PathRef::Fallback, true)],
            incident: None,
            group: None,
        };
        let known = known.as_ref();
        let case = Case { store, rules, received, arrival, window: None, lapse: None, trace, known, by, now };
        case.open(opening).await?;
        Ok(decision)
    })
    .await
}

/// Ends what a key stands for; of an alert that cannot be read, the key alone.
async fn end(
    store: &Store,
    received: &ReceivedEvent,
    known: Option<&KeyRow>,
    decision: Decision,
    by: &Identity,
    now: Timestamp,
) -> Result<(), AppError> {
    let hash = received.key();
    let row = KeyRow::after(known, &received.arrival(), known.and_then(|row| row.alert));
    let commit = || Commit::new().key(received.org, received.source, &hash, known, &row, now);
    let (alert, done) = match decision {
        Decision::Resolve(alert) | Decision::HoldFlapping(alert) => {
            (alert, resolve(store, received, alert, commit(), by, now).await)
        }
        Decision::ResolvedLater(alert) => (alert, prolong(store, received, alert, commit()).await),
        Decision::Tombstone
        | Decision::Open
        | Decision::OpenResolved
        | Decision::Repeat
        | Decision::Update
        | Decision::EndOvertaken(_)
        | Decision::Stale => return Ok(store.commit(commit()).await?),
    };
    match done {
        Err(fault) if fault.is_unreadable() => {
            warn!(alert.id = %alert, %fault, "cannot read resolved alert; updated its deduplication key only");
            Ok(store.commit(commit()).await?)
        }
        done => done,
    }
}
