//! Rescues an event that could not be handled: opens a bare alert and notifies the fallback contact, or records a
//! resolution so that the next firing opens a new alert.

use std::borrow::Cow;

use domain::alert::key::{Decision, KeyRow, decide};
use domain::alert::{Body, ReceivedEvent, Routing};
use domain::escalation::PathRef;
use domain::trace::Trace;
use domain::{Identity, Timestamp};
use machine::retry_conflicts;
use store::{Commit, KeyTouch, Store};
use tracing::{instrument, warn};

use super::map_event::{self, MappedEvent};
use super::open::{NewAlert, RoutingResult};
use super::receive::{record_later_end, record_overtaken_end, resolve};
use crate::{AppError, Rules};

/// Opens a bare alert without applying any rule, and notifies the fallback contact.
///
/// A resolution is handled as well. If it were dropped, its key would stay firing, and the next episode would be taken
/// for a repeat of one that somebody acknowledged.
///
/// # Errors
/// [`AppError`] if the event is not handled and must come again.
#[instrument(skip_all, fields(event.id = %received.id, alert_source.id = %received.source))]
pub async fn rescue(
    store: &Store,
    rules: &Rules,
    received: &ReceivedEvent,
    trace: &Trace,
    now: Timestamp,
) -> Result<Decision, AppError> {
    // The source's mapping decides which alert the event belongs to, if the source can be read.
    let arrived = match map_event::map_event(rules, received).await {
        Err(fault) if !fault.is_unreadable() => return Err(fault),
        Err(_) => MappedEvent { received: Cow::Borrowed(received), problems: Vec::new() },
        Ok(arrived) => arrived,
    };
    let (received, problems) = (&*arrived.received, &arrived.problems);
    let hash = received.key();
    let arrival = received.arrival();
    let by = Identity::system("alert-rescue");
    let (hash, arrival, by) = (&hash, &arrival, &by);
    retry_conflicts(|| async move {
        let known = match store.touch_key(received.org, received.source, hash, arrival).await? {
            KeyTouch::Repeated => return Ok(Decision::Repeat),
            KeyTouch::Row(known) => known.map(|row| *row),
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
                    record_overtaken_end(store, rules, received, (alert, known), by, now).await?;
                }
                return Ok(decision);
            }
            // The alert exists already, and nobody is to be notified.
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
                &problems[..],
            ]
            .concat(),
            sent: None,
            updated_at: received.received_at,
        };
        let routed = RoutingResult {
            body,
            routing: Routing::Fallback,
            routes: Vec::new(),
            plans: vec![(PathRef::Fallback, true)],
            incident: None,
            group: None,
        };
        let known = known.as_ref();
        let new_alert =
            NewAlert { store, rules, received, arrival, window: None, expiry: None, trace, known, by, now };
        new_alert.open(routed).await?;
        Ok(decision)
    })
    .await
}

/// Resolves the alert of a key; if the alert cannot be read, only the key is updated.
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
        Decision::ResolvedLater(alert) => (alert, record_later_end(store, received, alert, commit()).await),
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
