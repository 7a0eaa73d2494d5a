//! Finds incidents as somebody sees them: a private one is not there for whoever has no part in it.

use std::collections::BTreeSet;

use domain::Actor;
use domain::access::Permission;
use domain::id::IncidentId;
use domain::incident::Incident;
use futures_util::future::try_join_all;
use store::Store;

use crate::AppError;
use crate::rules::readable;

/// Finds an incident, if there is one that `by` sees.
///
/// # Errors
/// [`AppError::NotFound`] if there is none.
pub(crate) async fn find(store: &Store, by: &Actor, id: IncidentId) -> Result<Incident, AppError> {
    let found = store.incident(by.org(), id).await?.filter(|incident| incident.is_seen_by(by));
    found.ok_or_else(|| AppError::not_found("incident", id))
}

/// Says whether what belongs to an incident is hidden from somebody; an incident that cannot be read hides it too.
pub fn hides(id: Option<IncidentId>, incident: Option<&Incident>, who: &Actor) -> bool {
    match incident {
        Some(incident) => !incident.is_seen_by(who),
        None => id.is_some() && !sees_all(who),
    }
}

/// Those of some incidents that somebody does not see. Those who see all of them cost no read.
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

/// Says whether nothing is private for somebody.
fn sees_all(who: &Actor) -> bool {
    who.may(Permission::SeePrivate).is_ok()
}
