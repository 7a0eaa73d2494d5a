//! Slack as a subscriber: which changes of incidents and escalations lead to a step in Slack.

use machine::Transition;

use super::step::{NewStep, Step, Work};
use crate::escalation::Escalation;
use crate::incident::Incident;
use crate::notification::{Notification, NotificationState};
use crate::subscriber::FollowedTransition;
use crate::user::MethodType;

/// The name of the subscriber.
pub const NAME: &str = "slack";

/// The step that a change leads to, if Slack follows what changed.
pub fn added_step(change: FollowedTransition<'_>) -> Option<Transition<Step>> {
    match change {
        FollowedTransition::Incident(change) => by_incident(change),
        FollowedTransition::Escalation(change) => by_escalation(change),
    }
}

/// The step of an incident that was opened or changed.
fn by_incident(change: &Transition<Incident>) -> Option<Transition<Step>> {
    let incident = change.after();
    let id = format!("follow-{:05}", incident.head.version());
    incident
        .followers
        .contains(NAME)
        .then(|| NewStep::of(incident.id, id, Work::Follow).open(incident.org, &incident.trace, change.at()))
}

/// The step of an escalation that began or changed.
///
/// An escalation that an alert begins is written together with its incident, which leads to a step of its own. One that
/// begins again for an alert that is still firing is not: its id is younger than the incident's. An escalation without
/// an incident leads only to the step that removes the buttons of its messages.
fn by_escalation(change: &Transition<Escalation>) -> Option<Transition<Step>> {
    let escalation = change.after();
    if !escalation.followers.contains(NAME) {
        return None;
    }
    let Some(incident) = escalation.incident else {
        let ends = change.from().is_some_and(|from| from != change.to()) && !change.to().notifies();
        return ends
            .then(|| NewStep::unpage(escalation).open(escalation.org, &escalation.trace, change.at()));
    };
    let is_news = match change.from() {
        Some(from) => from != change.to(),
        None => escalation.alert.is_none() || escalation.id.at() != incident.at(),
    };
    if !is_news {
        return None;
    }
    let id = format!("follow-{}-{:05}", escalation.id, escalation.head.version());
    Some(NewStep::of(incident, id, Work::Follow).open(escalation.org, &escalation.trace, change.at()))
}

/// Says whether a notification is a direct message in Slack that has arrived, or may arrive in a moment.
pub fn is_direct_message(notification: &Notification) -> bool {
    let arrives = match notification.head.state() {
        NotificationState::Sending | NotificationState::Delivered => true,
        NotificationState::Pending | NotificationState::Failed | NotificationState::Cancelled => false,
    };
    arrives && notification.method_type == MethodType::Slack
}
