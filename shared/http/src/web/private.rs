//! What belongs to a private incident: it is hidden from whoever does not see the incident, wherever it is listed.

use std::collections::BTreeSet;

use app::AppError;
use app::escalation::story::Story;
use domain::id::IncidentId;
use domain::incident::Incident;
use domain::user::{Role, User};
use futures_util::future::try_join_all;
use maud::{Markup, html};

use super::Desk;
use super::refusal::Refusal;
use super::session::SignedIn;

/// What stands where a title would.
pub(super) fn instead() -> Markup {
    html! { span.soft { "Belongs to a private incident" } }
}

/// Says whether what belongs to an incident is hidden from somebody; an incident that cannot be read hides it too.
pub(super) fn hides(id: Option<IncidentId>, incident: Option<&Incident>, user: &User) -> bool {
    match incident {
        Some(incident) => !incident.is_seen_by(user),
        None => id.is_some() && user.role < Role::Administrator,
    }
}

/// Says whether an escalation is hidden from somebody: whoever is paged by it sees it, as its pages say what it is.
pub(super) fn hides_escalation(story: &Story, user: &User) -> bool {
    let is_paged = story.pages.iter().any(|page| page.user == user.id);
    !is_paged && hides(story.escalation.incident, story.incident.as_ref(), user)
}

/// Those of some incidents that whoever is signed in does not see. Those who see all of them cost no read.
pub(super) async fn hidden(
    desk: &Desk,
    signed_in: &SignedIn,
    incidents: impl IntoIterator<Item = Option<IncidentId>>,
) -> Result<BTreeSet<IncidentId>, Refusal> {
    let (org, user) = (signed_in.session.org, &signed_in.user);
    if user.role >= Role::Administrator {
        return Ok(BTreeSet::new());
    }
    let ids: BTreeSet<IncidentId> = incidents.into_iter().flatten().collect();
    let asked = ids.into_iter().map(async |id| {
        let found = match desk.ctx.store.incident(org, id).await.map_err(AppError::from) {
            Ok(found) => found,
            Err(fault) if fault.is_unreadable() => None,
            Err(fault) => return Err(Refusal::from(fault)),
        };
        Ok(hides(Some(id), found.as_ref(), user).then_some(id))
    });
    Ok(try_join_all(asked).await?.into_iter().flatten().collect())
}
