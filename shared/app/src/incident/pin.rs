//! Pins a message to an incident's timeline.

use domain::access::Permission;
use domain::id::{IncidentId, UpdateId};
use domain::incident::{Change, Incident};
use domain::{Actor, Timestamp};
use machine::{Stateful, retry_conflicts};
use store::{IdempotentKind, Store};
use tracing::instrument;

use super::{change, seen};
use crate::AppError;

/// A message that is pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedMessage {
    /// What.
    pub text: String,
    /// The author's name.
    pub author: Option<String>,
}

/// Pins a message. A message that the same key pinned before is not pinned again.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such incident, [`AppError::Illegal`] if its state allows no change.
#[instrument(skip_all, fields(incident.id = %id))]
pub async fn pin(
    store: &Store,
    by: &Actor,
    id: IncidentId,
    said: &PinnedMessage,
    key: &str,
    now: Timestamp,
) -> Result<Incident, AppError> {
    by.may(Permission::EditIncidents)?;
    let (org, actor, by) = (by.org(), by, by.identity());
    let key = format!("{id} {key}");
    let key = key.as_str();
    retry_conflicts(|| async move {
        let incident = seen::find(store, actor, id).await?;
        if store.made_by::<UpdateId>(org, IdempotentKind::Pin, key).await?.is_some() {
            return Ok(incident);
        }
        let choices = store.incident_choices(org).await?;
        let pinned = Some((said.text.clone(), said.author.clone()));
        let change = Change { pinned, ..Change::default() };
        let made = UpdateId::of(id, incident.head().version() + 1, now);
        let with = |commit: store::Commit| commit.made_by(org, IdempotentKind::Pin, key, made);
        change::commit(store, by, incident, (&choices, &change), with, now).await
    })
    .await
}
