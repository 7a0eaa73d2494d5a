//! What belongs to a private incident: it is hidden from whoever does not see the incident, wherever it is listed.

use app::escalation::history::EscalationHistory as Story;
use app::incident::seen::hides;
use domain::Actor;
use maud::{Markup, html};

/// What stands where a title would.
pub(super) fn instead() -> Markup {
    html! { span.soft { "Belongs to a private incident" } }
}

/// Says whether an escalation is hidden from somebody: whoever is paged by it sees it, as its pages say what it is.
pub(super) fn hides_escalation(story: &Story, by: &Actor) -> bool {
    let is_paged = story.notifications.iter().any(|page| Some(page.user) == by.identity().user());
    !is_paged && hides(story.escalation.incident, story.incident.as_ref(), by)
}
