//! Commits a change of an incident: one decision and one conditional write.

use domain::choice::{Choice, Configured};
use domain::id::{OrgId, StatusId};
use domain::incident::{Change, Incident, IncidentState};
use domain::{Identity, Timestamp};
use store::{Choices, Commit, Store};

use super::close;
use crate::AppError;

/// Finds a choice by its id.
pub(super) fn offered<'a, T: Choice>(
    choices: &'a [Configured<T>],
    field: &str,
    id: T::Id,
) -> Result<&'a Configured<T>, AppError> {
    let found = choices.iter().find(|choice| choice.id == id);
    found.ok_or_else(|| AppError::invalid(field, format!("there is no {} `{id}`", T::KIND.name())))
}

/// A status and the state that it means.
pub(super) fn status(
    choices: &Choices,
    field: &str,
    id: StatusId,
) -> Result<(StatusId, IncidentState), AppError> {
    Ok((id, offered(&choices.statuses, field, id)?.what.state))
}

/// Marks the choices that a change assigns as used.
pub(super) fn uses(mut commit: Commit, org: OrgId, choices: &Choices, change: &Change) -> Commit {
    let severity = choices.severities.iter().find(|one| Some(one.id) == change.severity);
    let status = choices.statuses.iter().find(|one| Some(one.id) == change.status.map(|(id, _)| id));
    if let Some(severity) = severity {
        commit = commit.used(org, severity);
    }
    if let Some(status) = status {
        commit = commit.used(org, status);
    }
    let given = |role| change.roles.iter().any(|(id, user)| *id == role && user.is_some());
    choices.roles.iter().filter(|role| given(role.id)).fold(commit, |commit, role| commit.used(org, role))
}

/// Commits a change of an incident, and returns the incident as it is now. A change that changes nothing writes nothing.
/// A change to a status in which the incident is not open ends its notifications.
pub(super) async fn commit(
    store: &Store,
    by: &Identity,
    incident: Incident,
    (choices, change): (&Choices, &Change),
    with: impl FnOnce(Commit) -> Commit,
    now: Timestamp,
) -> Result<Incident, AppError> {
    let step = incident.change(change, by, now).inspect_err(|illegal| store.illegal(illegal))?;
    let Some(step) = step else { return Ok(incident) };
    if change.status.is_some_and(|(_, state)| !state.is_open()) {
        // Boxed, as few changes need this large future.
        Box::pin(close::end_paging(store, by, &incident, now)).await?;
    }
    let after = step.after().clone();
    let commit = uses(Commit::new().transition(step), incident.org, choices, change);
    store.commit(with(commit)).await?;
    Ok(after)
}
