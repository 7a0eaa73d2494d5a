//! Finds incidents that an actor may see: a private incident is hidden from people who may not see it.

use std::collections::BTreeSet;

use domain::Actor;
use domain::access::Permission;
use domain::id::IncidentId;
use domain::incident::Incident;
use futures_util::future::try_join_all;
use store::Store;

use crate::AppError;
use crate::rules::readable;

/// Finds an incident that the actor may see.
///
/// # Errors
/// [`AppError::NotFound`] if it does not exist.
pub(crate) async fn find(store: &Store, by: &Actor, id: IncidentId) -> Result<Incident, AppError> {
    let found = store.incident(by.org(), id).await?.filter(|incident| incident.is_seen_by(by));
    found.ok_or_else(|| AppError::not_found("incident", id))
}

/// Says whether an object of an incident is hidden from an actor. An incident that cannot be read hides it.
pub fn hides(id: Option<IncidentId>, incident: Option<&Incident>, who: &Actor) -> bool {
    match incident {
        Some(incident) => !incident.is_seen_by(who),
        None => id.is_some() && !sees_all(who),
    }
}

/// The incidents among these that are hidden from an actor. For an actor who sees all incidents nothing is read.
///
/// # Errors
/// [`AppError`] if the store fails.
pub async fn hidden(
    store: &Store,
    who: &Actor,
    incidents: impl IntoIterator<Item = Option<IncidentId>>,
) -> Result<BTreeSet<IncidentId>, AppError> {
    if sees_all(who) {
        return Ok(BTreeSet::new());
    }
    let ids: BTreeSet<IncidentId> = incidents.into_iter().flatten().collect();
    let asked = ids.into_iter().map(async |id| {
        let found = readable(store.incident(who.org(), id).await)?;
        Ok::<_, AppError>(hides(Some(id), found.as_ref(), who).then_some(id))
    });
    Ok(try_join_all(asked).await?.into_iter().flatten().collect())
}

/// Says whether an actor sees all private incidents.
fn sees_all(who: &Actor) -> bool {
    who.may(Permission::SeePrivate).is_ok()
}
