//! Alerts and escalations of private incidents: they are hidden from people who may not see the incident.

use app::escalation::history::EscalationHistory as Story;
use app::incident::seen::hides;
use domain::Actor;
use maud::{Markup, html};

/// The text that replaces a hidden title.
pub(super) fn placeholder() -> Markup {
    html! { span.soft { "Private incident" } }
}

/// Returns whether an escalation is hidden from somebody. A person who was notified by it may see it, because the
/// notifications contain its title.
pub(super) fn hides_escalation(story: &Story, by: &Actor) -> bool {
    let is_notified =
        story.notifications.iter().any(|notification| Some(notification.user) == by.identity().user());
    !is_notified && hides(story.escalation.incident, story.incident.as_ref(), by)
}
