//! Brings escalations in line with their alert after it was resolved or joined a group.

use domain::alert::{Alert, AlertState};
use domain::escalation::{Escalation, EscalationState, NewEscalation};
use domain::id::{AlertId, EscalationId, OrgId};
use domain::{Identity, Timestamp};
use machine::{Stateful, retry_conflicts};
use store::{Commit, Store};
use tracing::instrument;

use super::begin::begin;
use crate::{AppError, Rules};

/// Resolves the escalations of a resolved alert, or makes sure that the escalations of a group cover an alert that
/// joined it; then marks the alert as done.
///
/// An alert joins a group without a condition on its escalations, because a flood of alerts would otherwise queue for
/// one item. So it may join at the moment they end. The later of the two checks finds that: the one after each joining
/// finds the escalations ended, or the one after their end finds the alert.
///
/// # Errors
/// [`AppError`] if the news must come again.
#[instrument(skip_all, fields(alert.id = %id))]
pub async fn reconcile(
    store: &Store,
    rules: &Rules,
    org: OrgId,
    id: AlertId,
    now: Timestamp,
) -> Result<(), AppError> {
    let Some(alert) = store.alert(org, id).await? else { return Ok(()) };
    if alert.due.is_none() {
        return Ok(());
    }
    match alert.head().state() {
        AlertState::Firing if are_covering(store, org, &alert.escalations).await? => {}
        AlertState::Firing => {
            return ensure_covered(store, rules, org, (id, RestartCause::AlertJoined), now).await;
        }
        AlertState::Resolved => end(store, rules, &alert, now).await?,
    }
    store.alert_settled(&alert).await?;
    Ok(())
}

/// Resolves the escalations of a resolved alert, unless other alerts of its group still fire.
async fn end(store: &Store, rules: &Rules, alert: &Alert, now: Timestamp) -> Result<(), AppError> {
    let goes_on = async || match alert.group {
        Some(first) => store.member(alert.org, first).await,
        None => Ok(None),
    };
    if goes_on().await?.is_none() {
        for &escalation in &alert.escalations {
            retry_conflicts(|| resolve(store, alert.org, escalation, now)).await?;
        }
    }
    // This also runs if other alerts were firing before, because an earlier attempt may have ended the escalations.
    match goes_on().await? {
        Some(other) => {
            ensure_covered(store, rules, alert.org, (other, RestartCause::OtherResolved), now).await
        }
        None => Ok(()),
    }
}

async fn resolve(store: &Store, org: OrgId, id: EscalationId, now: Timestamp) -> Result<(), AppError> {
    let Some(escalation) = store.escalation(org, id).await? else { return Ok(()) };
    if !escalation.auto_cancel {
        return Ok(());
    }
    let by = Identity::system("alert");
    match escalation.stop(EscalationState::Resolved, &by, "its alert was resolved", now) {
        Ok(stopped) => {
            stopped.execute(store).await?;
        }
        Err(illegal) => store.illegal(&illegal),
    }
    Ok(())
}

/// Says whether one of these escalations covers an alert. An alert without escalations is always covered.
pub(crate) async fn are_covering(
    store: &Store,
    org: OrgId,
    escalations: &[EscalationId],
) -> Result<bool, AppError> {
    for &id in escalations {
        let escalation = store.escalation(org, id).await?;
        if escalation.is_some_and(|escalation| escalation.head().state().answers()) {
            return Ok(true);
        }
    }
    Ok(escalations.is_empty())
}

/// Says whether these escalations have all ended, at least one of them because its alerts were resolved.
async fn ended_with_alerts(
    store: &Store,
    org: OrgId,
    escalations: &[EscalationId],
) -> Result<bool, AppError> {
    let mut ended = false;
    for &id in escalations {
        let Some(escalation) = store.escalation(org, id).await? else { continue };
        let state = escalation.head().state();
        if state.answers() {
            return Ok(false);
        }
        ended |= state == EscalationState::Resolved;
    }
    Ok(ended)
}

/// Why the escalations of a firing alert may have to start again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RestartCause {
    /// The alert joined a group. Its escalations were active then; if they have ended since, they did not cover the
    /// alert.
    AlertJoined,
    /// Another alert of its group was resolved. Cancelled and expired escalations do not start again, as people were
    /// notified of them.
    OtherResolved,
}

/// Makes sure that a firing alert is covered: if its escalations have ended, they start again.
pub(crate) async fn ensure_covered(
    store: &Store,
    rules: &Rules,
    org: OrgId,
    (id, cause): (AlertId, RestartCause),
    now: Timestamp,
) -> Result<(), AppError> {
    retry_conflicts(|| async move {
        let Some(alert) = store.alert(org, id).await? else { return Ok(()) };
        if alert.head().state() != AlertState::Firing {
            return Ok(());
        }
        match cause {
            RestartCause::AlertJoined if are_covering(store, org, &alert.escalations).await? => {
                return Ok(store.alert_settled(&alert).await?);
            }
            RestartCause::OtherResolved if !ended_with_alerts(store, org, &alert.escalations).await? => {
                return Ok(());
            }
            RestartCause::AlertJoined | RestartCause::OtherResolved => {}
        }
        restart_all(store, rules, &alert, now).await
    })
    .await
}

/// The number of actions that amend the alert: its head and its history row.
const AMENDED: usize = 2;

/// Starts the escalations of an alert again, as its own.
async fn restart_all(store: &Store, rules: &Rules, alert: &Alert, now: Timestamp) -> Result<(), AppError> {
    let rules = rules.of(alert.org).await?;
    let mut commit = Commit::new();
    let mut begun = Vec::new();
    for (n, &old) in alert.escalations.iter().enumerate() {
        let Some(Escalation { plan, auto_cancel, followers, .. }) = store.escalation(alert.org, old).await?
        else {
            continue;
        };
        let (levels, staff) = rules.levels(&plan).await?;
        let new = NewEscalation {
            org: alert.org,
            id: EscalationId::derived(now, format_args!("{} {} {n}", alert.id, alert.head().version())),
            title: alert.title.clone(),
            url: None,
            plan,
            alert: Some(alert.id),
            group: alert.group,
            incident: alert.incident,
            followers,
            auto_cancel,
            creator: Identity::system("alert"),
            trace: alert.trace.clone(),
        };
        begun.push(new.id);
        if let Some(incident) = alert.incident {
            commit = commit.attached_escalation(alert.org, incident, new.id);
        }
        let more = alert.escalations.len() - begun.len() + AMENDED;
        commit = begin(commit, new, (&levels, &staff), more, now)?;
    }
    let amended = alert
        .amend(now)?
        .because(Identity::system("alert").to_string(), "joined a group whose escalations had ended")
        .with(|alert| {
            alert.escalations = begun;
            alert.due = None;
        });
    Ok(store.commit(commit.transition(amended)).await?)
}
