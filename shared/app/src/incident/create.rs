//! Creates an incident. Every surface uses this verb.

use std::collections::BTreeMap;

use domain::access::Permission;
use domain::followers::Followers;
use domain::id::{AlertId, IncidentId, OrgId};
use domain::incident::{Change, Incident, IncidentState, RoleKind, Visibility};
use domain::subscriber;
use domain::trace::Trace;
use domain::{Actor, Identity, Timestamp};
use machine::{CommitError, Head, State, Stateful, Transition};
use store::{Choices, Commit, IdempotentKind, Store};
use tracing::instrument;

use super::change::uses;
use super::edit::Edit as Given;
use crate::AppError;

/// A new incident.
#[derive(Debug, Clone)]
pub struct NewIncident {
    /// Its organisation.
    pub org: OrgId,
    /// Its id, derived from its cause, so that the same cause does not open a second incident.
    pub id: IncidentId,
    /// Its name.
    pub name: String,
    /// The summary.
    pub summary: Option<String>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Whether it starts in triage.
    pub triage: bool,
    /// The alert that opens it.
    pub alert: Option<AlertId>,
    /// The trace.
    pub trace: Trace,
}

/// Numbers an incident and makes its first transition, for the caller's own commit. `followers` are the subscribers
/// that follow the incident.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all, fields(incident.id = %new.id))]
pub async fn prepare(
    store: &Store,
    by: &Identity,
    new: NewIncident,
    followers: Followers,
    now: Timestamp,
) -> Result<Transition<Incident>, AppError> {
    let number = store.next_incident_number(new.org).await?;
    let state = if new.triage { IncidentState::Triage } else { IncidentState::Active };
    let incident = Incident {
        head: Head::stored(state, 0),
        org: new.org,
        id: new.id,
        number,
        title: domain::incident::name(&new.name),
        summary: new.summary.and_then(|summary| domain::incident::summary(&summary)),
        visibility: new.visibility,
        severity: None,
        status: None,
        roles: BTreeMap::new(),
        milestones: BTreeMap::new(),
        creator: by.clone(),
        alert: new.alert,
        followers,
        created_at: now,
        updated_at: now,
        trace: new.trace,
    };
    Ok(incident.born(state, now)?.because(by.to_string(), "opened"))
}

/// Creates an incident in a commit of its own. An incident that the same key created before is returned. `given` is
/// what it starts with: severity, status, roles and milestones.
///
/// # Errors
/// [`AppError::Invalid`] naming what there is not, [`AppError`] if the store failed.
#[instrument(skip_all, fields(incident.id = %new.id))]
pub async fn create(
    store: &Store,
    by: &Actor,
    mut new: NewIncident,
    given: &Given,
    key: &str,
    now: Timestamp,
) -> Result<Incident, AppError> {
    by.may(Permission::CreateIncidents)?;
    let (org, by, id) = (by.org(), by.identity(), new.id);
    new.org = org;
    if let Some(there) = there(store, org, key).await? {
        return Ok(there);
    }
    if new.name.trim().is_empty() {
        return Err(AppError::invalid("name", "a name is required"));
    }
    let choices = store.incident_choices(org).await?;
    let mut change = given.clone().change(store, org, &choices).await?;
    add_reporter(&mut change, &choices, by);
    if let Some((status, state)) = change.status {
        if !IncidentState::INITIAL.contains(&state) {
            let reason = format!("an incident cannot start in the status `{status}`");
            return Err(AppError::invalid("incident_status_id", reason));
        }
        new.triage = state == IncidentState::Triage;
    }
    let followers = store.org(org).await?.as_ref().map(subscriber::followers).unwrap_or_default();
    let opened =
        prepare(store, by, new, followers, now).await?.with(|incident| incident.begin_with(&change, now));
    let incident = opened.after().clone();
    store.put_incident_number(org, incident.number, id).await?;
    let commit = Commit::new().transition(opened).made_by(org, IdempotentKind::Incident, key, id);
    match store.commit(uses(commit, org, &choices, &change)).await {
        Ok(()) => Ok(incident),
        Err(CommitError::Conflict) => there(store, org, key).await?.ok_or(AppError::Conflict),
        Err(error) => Err(error.into()),
    }
}

/// Gives the role of the reporter to the person who opens an incident, unless they have given it to somebody.
fn add_reporter(change: &mut Change, choices: &Choices, by: &Identity) {
    let role = choices.roles.iter().find(|role| role.what.kind == RoleKind::Reporter);
    let Some((role, user)) = role.zip(by.user()) else { return };
    if change.roles.iter().all(|(given, _)| *given != role.id) {
        change.roles.push((role.id, Some(user)));
    }
}

/// The incident that the key created before.
async fn there(store: &Store, org: OrgId, key: &str) -> Result<Option<Incident>, AppError> {
    let Some(id) = store.made_by(org, IdempotentKind::Incident, key).await? else { return Ok(None) };
    Ok(store.incident(org, id).await?)
}
