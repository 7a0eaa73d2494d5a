//! Shares an update: what others are told of an incident, with its status and its severity.

use domain::access::Permission;
use domain::id::{IncidentId, OrgId, SeverityId, StatusId, UpdateId};
use domain::incident::{Change, Note};
use domain::{Actor, Timestamp};
use machine::{Stateful, retry_conflicts};
use store::{History, Made, Store};
use tracing::instrument;

use super::change::{self, offered, status};
use super::seen;
use crate::AppError;

/// An update that is to be shared.
#[derive(Debug, Clone, Default)]
pub struct Update {
    /// What others are told.
    pub message: Option<String>,
    /// How far it is now.
    pub status: Option<StatusId>,
    /// How bad it is now.
    pub severity: Option<SeverityId>,
}

/// An update that was shared: the row of history that keeps it.
#[derive(Debug, Clone)]
pub struct Shared {
    /// Its id.
    pub id: UpdateId,
    /// The incident.
    pub incident: IncidentId,
    /// Who, when, and what it was then.
    pub row: History<Note>,
}

impl Shared {
    /// The update that a row of history keeps, if it keeps one.
    pub fn of(incident: IncidentId, row: History<Note>) -> Option<Self> {
        let id = UpdateId::of(incident, row.version, row.at);
        row.note.as_ref().is_some_and(Note::is_update).then_some(Self { id, incident, row })
    }
}

/// How long a message may be.
const MESSAGE_BYTES: usize = 16 * 1024;

/// Shares an update; what the same key has shared before is returned as it is.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such incident, [`AppError::Invalid`] naming what there is not,
/// [`AppError::Illegal`] if its state does not allow it.
#[instrument(skip_all, fields(incident.id = %id), err)]
pub async fn update(
    store: &Store,
    by: &Actor,
    id: IncidentId,
    update: &Update,
    key: Option<&str>,
    now: Timestamp,
) -> Result<Shared, AppError> {
    by.may(Permission::EditIncidents)?;
    let (org, actor, by) = (by.org(), by, by.identity());
    if update.message.is_none() && update.status.is_none() && update.severity.is_none() {
        return Err(AppError::invalid("message", "an update needs a message, a status or a severity"));
    }
    if update.message.as_ref().is_some_and(|message| message.len() > MESSAGE_BYTES) {
        return Err(AppError::invalid(
            "message",
            format!("a message may have at most {MESSAGE_BYTES} bytes"),
        ));
    }
    // A key belongs to its incident.
    let key = key.map(|key| format!("{id} {key}"));
    let key = key.as_deref();
    retry_conflicts(|| async move {
        if let Some(key) = key
            && let Some(made) = store.made_by::<UpdateId>(org, Made::Update, key).await?
        {
            return shared(store, org, id, made.version()).await;
        }
        let incident = seen::find(store, actor, id).await?;
        let choices = store.incident_choices(org).await?;
        if let Some(id) = update.severity {
            offered(&choices.severities, "to_severity_id", id)?;
        }
        let change = Change {
            severity: update.severity,
            status: update.status.map(|id| status(&choices, "to_incident_status_id", id)).transpose()?,
            // An update that says nothing new is an update all the same.
            message: Some(update.message.clone().unwrap_or_default()),
            announce: true,
            ..Change::default()
        };
        let version = incident.head().version() + 1;
        let made = UpdateId::of(id, version, now);
        let with = |commit: store::Commit| match key {
            Some(key) => commit.made_by(org, Made::Update, key, made),
            None => commit,
        };
        let after = change::commit(store, by, incident, (&choices, &change), with, now).await?;
        shared(store, org, id, after.head().version()).await
    })
    .await
}

/// Reads an update again.
async fn shared(store: &Store, org: OrgId, id: IncidentId, version: u64) -> Result<Shared, AppError> {
    let row = store.incident_step(org, id, version).await?;
    row.and_then(|row| Shared::of(id, row)).ok_or_else(|| AppError::not_found("incident update", version))
}
