//! An alert is over, or has joined others: its escalations are owed a look.

use domain::alert::{Alert, AlertState};
use domain::escalation::{Escalation, EscalationState, NewEscalation};
use domain::id::{AlertId, EscalationId, OrgId};
use domain::{Identity, Timestamp};
use machine::{Stateful, retry_conflicts};
use store::{Commit, Store};
use tracing::instrument;

use super::begin::begin;
use crate::{AppError, Rules};

/// Ends the escalations of an alert that is over, or makes sure that somebody answers for one that joined a group; then
/// notes that nothing more is owed.
///
/// An alert joins without a condition on the escalations, which would make a flood of alerts queue for one item. So it
/// may join just as they end. Whoever comes later sees it: the look that follows each joining finds them ended, or the
/// look that follows their end finds the alert.
///
/// # Errors
/// [`AppError`] if the news must come again.
#[instrument(skip_all, fields(alert.id = %id), err)]
pub async fn settle(
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
        AlertState::Firing if answered(store, org, &alert.escalations).await? => {}
        AlertState::Firing => return answer_for(store, rules, org, (id, Look::Joined), now).await,
        AlertState::Resolved => end(store, rules, &alert, now).await?,
    }
    store.alert_settled(&alert).await?;
    Ok(())
}

/// Resolves the escalations of an alert that is over, unless others of its group go on.
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
    // Also where others went on from the beginning: what was ended may have been ended by a try before this one.
    match goes_on().await? {
        Some(other) => answer_for(store, rules, alert.org, (other, Look::OtherOver), now).await,
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

/// Says whether any of these escalations answers for an alert; where nobody is to be paged, nobody needs to.
pub(crate) async fn answered(
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

/// Says whether nobody answers any more because alerts are over: one at least of these escalations was resolved.
async fn ended_with_others(
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

/// Why somebody looks whether an alert that goes on is answered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// It has joined: its escalations answered by then, so that it is none of theirs if they have ended since.
    Joined,
    /// Another of its group is over. What people called off, and what nobody answered, stays so: they were told of it.
    OtherOver,
}

/// Makes sure that somebody answers for an alert that goes on: if its escalations have ended, they begin again.
pub(crate) async fn answer_for(
    store: &Store,
    rules: &Rules,
    org: OrgId,
    (id, look): (AlertId, Look),
    now: Timestamp,
) -> Result<(), AppError> {
    retry_conflicts(|| async move {
        let Some(alert) = store.alert(org, id).await? else { return Ok(()) };
        if alert.head().state() != AlertState::Firing {
            return Ok(());
        }
        match look {
            Look::Joined if answered(store, org, &alert.escalations).await? => {
                return Ok(store.alert_settled(&alert).await?);
            }
            Look::OtherOver if !ended_with_others(store, org, &alert.escalations).await? => return Ok(()),
            Look::Joined | Look::OtherOver => {}
        }
        again(store, rules, &alert, now).await
    })
    .await
}

/// The actions of amending the alert: its head and its row of history.
const AMENDED: usize = 2;

/// Begins an alert's escalations again, as its own.
async fn again(store: &Store, rules: &Rules, alert: &Alert, now: Timestamp) -> Result<(), AppError> {
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
