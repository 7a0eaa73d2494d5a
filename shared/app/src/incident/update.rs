//! Shares an update of an incident: a message, a status, a severity.

use domain::access::Permission;
use domain::id::{IncidentId, OrgId, SeverityId, StatusId, UpdateId};
use domain::incident::{Change, ChangeNote};
use domain::{Actor, Timestamp};
use machine::{Stateful, retry_conflicts};
use store::{History, IdempotentKind, Store};
use tracing::instrument;

use super::change::{self, offered, status};
use super::seen;
use crate::AppError;

/// A new update of an incident.
#[derive(Debug, Clone, Default)]
pub struct Update {
    /// The message.
    pub message: Option<String>,
    /// The new status.
    pub status: Option<StatusId>,
    /// The new severity.
    pub severity: Option<SeverityId>,
}

/// An update that was shared, with the history row that stores it.
#[derive(Debug, Clone)]
pub struct SharedUpdate {
    /// Its id.
    pub id: UpdateId,
    /// The incident.
    pub incident: IncidentId,
    /// The history row.
    pub row: History<ChangeNote>,
}

impl SharedUpdate {
    /// The update in a history row, if the row is one.
    pub fn of(incident: IncidentId, row: History<ChangeNote>) -> Option<Self> {
        let id = UpdateId::of(incident, row.version, row.at);
        row.note.as_ref().is_some_and(ChangeNote::is_update).then_some(Self { id, incident, row })
    }
}

/// How long a message may be.
const MESSAGE_BYTES: usize = 16 * 1024;

/// Shares an update. An update that the same key shared before is returned.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such incident, [`AppError::Invalid`] naming what there is not,
/// [`AppError::Illegal`] if its state does not allow it.
#[instrument(skip_all, fields(incident.id = %id))]
pub async fn update(
    store: &Store,
    by: &Actor,
    id: IncidentId,
    update: &Update,
    key: Option<&str>,
    now: Timestamp,
) -> Result<SharedUpdate, AppError> {
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
    // Keys of different incidents do not collide.
    let key = key.map(|key| format!("{id} {key}"));
    let key = key.as_deref();
    retry_conflicts(|| async move {
        if let Some(key) = key
            && let Some(made) = store.made_by::<UpdateId>(org, IdempotentKind::Update, key).await?
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
            // An update without a message is still shown as an update.
            message: Some(update.message.clone().unwrap_or_default()),
            announce: true,
            ..Change::default()
        };
        let version = incident.head().version() + 1;
        let made = UpdateId::of(id, version, now);
        let with = |commit: store::Commit| match key {
            Some(key) => commit.made_by(org, IdempotentKind::Update, key, made),
            None => commit,
        };
        let after = change::commit(store, by, incident, (&choices, &change), with, now).await?;
        shared(store, org, id, after.head().version()).await
    })
    .await
}

/// Reads an update again.
async fn shared(store: &Store, org: OrgId, id: IncidentId, version: u64) -> Result<SharedUpdate, AppError> {
    let row = store.incident_step(org, id, version).await?;
    row.and_then(|row| SharedUpdate::of(id, row))
        .ok_or_else(|| AppError::not_found("incident update", version))
}
