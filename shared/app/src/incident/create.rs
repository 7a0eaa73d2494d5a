//! Creates an incident: the only way one comes to be.

use domain::id::{AlertId, IncidentId, OrgId};
use domain::incident::{Incident, IncidentState, Visibility};
use domain::trace::Trace;
use domain::{Identity, Timestamp};
use machine::{CommitError, Head, Stateful, Transition};
use store::{Commit, Made, Store};
use tracing::instrument;

use crate::AppError;

/// What is known of an incident before it is one.
#[derive(Debug, Clone)]
pub struct NewIncident {
    /// Its organisation.
    pub org: OrgId,
    /// Its id, derived from what causes it, so that the same cause opens no second one.
    pub id: IncidentId,
    /// Its name.
    pub name: String,
    /// What is going on.
    pub summary: Option<String>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Whether somebody has yet to say that it is one.
    pub triage: bool,
    /// The alert that opens it.
    pub alert: Option<AlertId>,
    /// The trace.
    pub trace: Trace,
}

/// How long a name may be in the incident's small item.
const NAME_BYTES: usize = domain::alert::TITLE_BYTES;
/// How long a summary may be there.
const SUMMARY_BYTES: usize = 2048;

/// Gives an incident its number and makes its first transition, for the caller's own commit.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all, fields(incident.id = %new.id), err)]
pub async fn prepare(
    store: &Store,
    by: &Identity,
    new: NewIncident,
    now: Timestamp,
) -> Result<Transition<Incident>, AppError> {
    let number = store.next_incident_number(new.org).await?;
    let state = if new.triage { IncidentState::Triage } else { IncidentState::Active };
    let incident = Incident {
        head: Head::stored(state, 0),
        org: new.org,
        id: new.id,
        number,
        title: domain::text::shorten(&new.name, NAME_BYTES),
        summary: new.summary.map(|summary| domain::text::shorten(&summary, SUMMARY_BYTES)),
        visibility: new.visibility,
        creator: by.clone(),
        alert: new.alert,
        created_at: now,
        updated_at: now,
        trace: new.trace,
    };
    Ok(incident.born(state, now)?.because(by.to_string(), "opened"))
}

/// Creates an incident that nothing else is written with; what the same key has created before is returned as it is.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all, fields(incident.id = %new.id), err)]
pub async fn create(
    store: &Store,
    by: &Identity,
    new: NewIncident,
    key: &str,
    now: Timestamp,
) -> Result<Incident, AppError> {
    let (org, id) = (new.org, new.id);
    if let Some(there) = there(store, org, key).await? {
        return Ok(there);
    }
    let opened = prepare(store, by, new, now).await?;
    let incident = opened.after().clone();
    store.put_incident_number(org, incident.number, id).await?;
    match store.commit(Commit::new().transition(opened).made_by(org, Made::Incident, key, id)).await {
        Ok(()) => Ok(incident),
        Err(CommitError::Conflict) => there(store, org, key).await?.ok_or(AppError::Conflict),
        Err(error) => Err(error.into()),
    }
}

/// What the key has created before.
async fn there(store: &Store, org: OrgId, key: &str) -> Result<Option<Incident>, AppError> {
    let Some(id) = store.made_by(org, Made::Incident, key).await? else { return Ok(None) };
    Ok(store.incident(org, id).await?)
}
