//! Reads a source's recent alerts again after its configuration changed, and updates their attributes.
//!
//! It goes from the newest to the oldest, some at a time; each step is stored together with the message for the
//! next one, so that an interrupted backfill continues. Alerts are not routed again: a backfill pages nobody.

use domain::access::Permission;
use domain::audit::{AuditAction, AuditEntry};
use domain::id::{AlertId, AuditId, OrgId, SourceId};
use domain::source::SourceState;
use domain::source::backfill::{Backfill, BackfillState, Progress};
use domain::trace::Trace;
use domain::{Actor, Timestamp};
use futures_util::future::try_join_all;
use machine::{Stateful, retry_conflicts};
use store::{Commit, Store};
use tracing::instrument;

use super::find;
use crate::error::whoever_was_first;
use crate::rules::{Snapshot, readable};
use crate::{AppError, Random, Rules};

/// How many alerts of the organisation one step examines.
const STEP: usize = 50;

/// How many of them are read at the same time.
const AT_ONCE: usize = 10;

/// Begins a backfill. A running one begins again.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such source, [`AppError::Invalid`] if its alerts have no attributes.
#[instrument(skip_all, fields(alert_source.id = %id))]
pub async fn begin(
    store: &Store,
    by: &Actor,
    (id, trace): (SourceId, Trace),
    random: &Random,
    now: Timestamp,
) -> Result<Backfill, AppError> {
    let allowed = by.may(Permission::ConfigureOnCall)?;
    let (org, by, trace) = (by.org(), by.identity(), &trace);
    retry_conflicts(|| async move {
        let source = find(store, org, id).await?;
        if source.template.attributes.is_empty() {
            let reason =
                "the template of the alert source sets no attributes, so there is nothing to backfill";
            return Err(AppError::invalid("template.attributes", reason));
        }
        let before = store.backfill(org, id).await?;
        let step = Backfill::begin(before.as_ref(), Backfill::new(org, id, trace.clone(), now), now)?
            .because(by.to_string(), "asked for");
        let begun = step.after().clone();
        let entry = AuditEntry::of(
            &allowed,
            AuditId::new(now, random()),
            AuditAction::Updated,
            super::thing(&source),
        );
        store.commit(Commit::new().transition(step).audited(&entry)).await?;
        Ok(begun)
    })
    .await
}

/// Does one step of a backfill. A repeated message does the next step, or nothing once the backfill is done.
///
/// # Errors
/// [`AppError`] if it has to be tried again.
#[instrument(skip_all, fields(alert_source.id = %source))]
pub async fn step(
    store: &Store,
    rules: &Rules,
    (org, source): (OrgId, SourceId),
    now: Timestamp,
) -> Result<(), AppError> {
    let running = readable(store.backfill(org, source).await)?;
    let Some(backfill) = running.filter(|backfill| backfill.head().state() == BackfillState::Running) else {
        return Ok(());
    };
    let rules = rules.of(org).await?;
    let found = readable(rules.source(source).await)?;
    let there = found.filter(|source| source.head().state() != SourceState::Destroyed);
    let step = match there {
        None => backfill.cancel(now)?.because("system:alert-handle", "the source is gone"),
        Some(_) => {
            let (progress, last) = read_again(store, &rules, &backfill).await?;
            backfill.next(progress, last, now)?.because("system:alert-handle", "some were read again")
        }
    };
    // On a conflict, another worker did this step, or the backfill began again.
    whoever_was_first(store.commit(Commit::new().transition(step)).await)
}

/// Reads the next alerts again; says whether they were the last.
async fn read_again(
    store: &Store,
    rules: &Snapshot,
    backfill: &Backfill,
) -> Result<(Progress, bool), AppError> {
    let mut progress = backfill.progress;
    let before = progress.through.map(|id| id.to_string());
    let listed = store.list_alerts(backfill.org, before.as_deref(), STEP).await?;
    let ids: Vec<AlertId> = listed.iter().filter_map(|listed| listed.id.parse().ok()).collect();
    let within = |id: &&AlertId| id.at() >= backfill.back_to();
    let recent: Vec<AlertId> = ids.iter().take_while(within).copied().collect();
    for some in recent.chunks(AT_ONCE) {
        let read = try_join_all(some.iter().map(|&id| one(store, rules, backfill, id))).await?;
        for outcome in read.into_iter().flatten() {
            progress.read += 1;
            match outcome {
                Outcome::Same => {}
                Outcome::Changed => progress.changed += 1,
                Outcome::Skipped => progress.skipped += 1,
            }
        }
    }
    progress.through = recent.last().copied().or(progress.through);
    Ok((progress, listed.len() < STEP || recent.len() < ids.len()))
}

/// The result of reading one alert again.
enum Outcome {
    Same,
    Changed,
    Skipped,
}

/// Reads one alert again; `None` if it is of another source.
async fn one(
    store: &Store,
    rules: &Snapshot,
    backfill: &Backfill,
    id: AlertId,
) -> Result<Option<Outcome>, AppError> {
    let org = backfill.org;
    let Some(alert) = readable(store.alert(org, id).await)? else { return Ok(None) };
    if alert.source != backfill.source {
        return Ok(None);
    }
    let Some((before, after)) = crate::alert::stored_event::attributes(store, rules, &alert).await? else {
        return Ok(Some(Outcome::Skipped));
    };
    if before.attributes == after {
        return Ok(Some(Outcome::Same));
    }
    // An alert whose event changed meanwhile has its attributes by the new configuration already.
    let changed = store.revise_attributes(org, id, (&before, &after)).await?;
    Ok(Some(if changed { Outcome::Changed } else { Outcome::Same }))
}
