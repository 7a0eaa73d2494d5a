//! The presentation of an escalation on every page that shows one.

use app::escalation::history::EscalationHistory as Story;
use app::incident::seen::hides;
use domain::Actor;
use domain::Timestamp;
use domain::access::Permission;
use domain::escalation::EscalationState;
use domain::id::EscalationId;
use domain::notification::{Notification, NotificationState};
use machine::Stateful;
use maud::{Markup, html};

use super::frame::Frame;
use super::words::{self, capitalize, due, join_names, source_link, time, untrusted};

/// How many history entries are shown. Earlier entries are folded.
const SHOWN_ENTRIES: usize = 6;

/// The largest part of a description that is shown, in bytes.
const DESCRIPTION_BYTES: usize = 1200;

/// The largest part of a title that is shown, in bytes.
const TITLE_BYTES: usize = 600;

/// The label of a state.
pub(super) const fn state_label(state: EscalationState) -> &'static str {
    match state {
        EscalationState::Pending => "Pending",
        EscalationState::Triggered => "Triggered",
        EscalationState::Acked => "Acknowledged",
        EscalationState::Resolved => "Resolved",
        EscalationState::Expired => "Expired",
        EscalationState::Cancelled => "Cancelled",
    }
}

/// The style of a state. Its label is always shown too, so that nobody depends on the colour.
pub(super) const fn tone(state: EscalationState) -> &'static str {
    match state {
        EscalationState::Pending => "waiting",
        EscalationState::Triggered => "paging",
        EscalationState::Expired => "expired",
        EscalationState::Acked => "acked",
        EscalationState::Resolved | EscalationState::Cancelled => "over",
    }
}

/// A step to a state, in the timeline of an incident. `level` is the number of the level and the people in it.
pub(super) fn step(state: EscalationState, level: &(u16, String), why: &str, who: &Markup) -> Markup {
    match state {
        EscalationState::Pending => html! { "Escalation created" },
        EscalationState::Triggered => html! { "Level " (level.0) " notified: " b { (untrusted(&level.1)) } },
        EscalationState::Acked => html! { "Acknowledged by " (who) },
        EscalationState::Expired => html! { "Expired: nobody acknowledged at any level" },
        EscalationState::Resolved => html! { "Escalation ended: " (why) },
        EscalationState::Cancelled => html! { "Escalation cancelled by " (who) },
    }
}

/// The meaning of a state for somebody who opens their acknowledge link. `mine` says that they acknowledged themselves.
pub(super) const fn outcome(state: EscalationState, mine: bool) -> &'static str {
    match state {
        EscalationState::Acked if mine => "You acknowledged this escalation.",
        EscalationState::Acked => {
            "Somebody else acknowledged this escalation. You do not have to do anything."
        }
        EscalationState::Resolved => "The alert was resolved. You do not have to do anything.",
        EscalationState::Cancelled => "This escalation was cancelled. You do not have to do anything.",
        EscalationState::Pending | EscalationState::Triggered | EscalationState::Expired => "",
    }
}

/// The state as a badge.
pub(super) fn state_badge(state: EscalationState) -> Markup {
    html! { span.badge.(tone(state)) { (state_label(state)) } }
}

/// The Acknowledge button. It returns to the page at `back`.
pub(super) fn acknowledge_button(frame: &Frame<'_>, id: EscalationId, back: &str) -> Markup {
    html! {
        @if frame.may(Permission::Respond) {
            form.act method="post" action=(format!("/escalations/{id}/acknowledge")) {
                (frame.token_field())
                input type="hidden" name="back" value=(back);
                button.primary type="submit" data-acknowledge { "Acknowledge" }
            }
        }
    }
}

/// The title. If the escalation is for an alert, this is the current title of the alert.
pub(super) fn title(story: &Story) -> Markup {
    let title = story.body.as_ref().map_or(&*story.escalation.title, |body| &*body.title);
    let title = if title.trim().is_empty() { "(no title)" } else { title };
    untrusted(&domain::text::shorten(title, TITLE_BYTES))
}

/// The current description of the alert.
pub(super) fn description(story: &Story) -> Markup {
    let text = story.body.as_ref().and_then(|body| body.description.as_deref()).unwrap_or_default();
    html! {
        @if !text.trim().is_empty() {
            p.description dir="auto" { (domain::text::shorten(text.trim(), DESCRIPTION_BYTES)) }
        }
    }
}

/// Whether the incident and the alert are links. A person who opened an acknowledge link is not signed in and cannot
/// follow them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Linked {
    /// Show links.
    Yes,
    /// Show text only.
    No,
}

impl Linked {
    /// Decides for a signed-in person: no links to pages that they may not see.
    pub(super) fn to(story: &Story, by: &Actor) -> Self {
        let is_hidden = hides(story.escalation.incident, story.incident.as_ref(), by);
        if is_hidden { Self::No } else { Self::Yes }
    }
}

/// The age of the escalation, its incident and its alert.
pub(super) fn facts(story: &Story, now: Timestamp, linked: Linked) -> Markup {
    let escalation = &story.escalation;
    let url = story.body.as_ref().and_then(|body| body.source_url.as_deref());
    html! {
        ul.facts {
            li { (words::ago_and_time(escalation.created_at, now)) }
            @if let Some(incident) = &story.incident {
                li {
                    @match linked {
                        Linked::Yes => a.reference href=(format!("/incidents/{}", incident.number)) {
                            (incident.reference())
                        },
                        Linked::No => span.reference { (incident.reference()) },
                    }
                }
            }
            @if let Some(alert) = &story.alert {
                li {
                    @match linked {
                        Linked::Yes => a href=(format!("/alerts/{}", alert.id)) {
                            "Alert from " (untrusted(story.source_name()))
                        },
                        Linked::No => { "Alert from " (untrusted(story.source_name())) },
                    }
                    " " code title="Alert ID" { (alert.id) }
                }
            }
            @if let Some(link) = source_link(url.or(escalation.url.as_deref())) { li { (link) } }
        }
    }
}

/// The state in a sentence: who is notified now and who is next, or who acknowledged.
pub(super) fn situation(story: &Story, now: Timestamp) -> Markup {
    let escalation = &story.escalation;
    let levels = story.levels.len().max(usize::from(escalation.level) + 1);
    match escalation.head().state() {
        EscalationState::Pending => {
            html! { p.situation { "Notifications for level 1: " (due(escalation.due, now)) "." } }
        }
        EscalationState::Triggered => html! {
            p.situation {
                "Level " (escalation.level + 1) " of " (levels) ": "
                strong { (untrusted(&join_names(&story.level(0)))) } ". "
                @if usize::from(escalation.level) + 1 < levels {
                    span.next {
                        "Next: " (untrusted(&join_names(&story.level(1)))) ", " (due(escalation.due, now)) "."
                    }
                } @else {
                    span.next { "This is the last level. Expires: " (due(escalation.due, now)) "." }
                }
            }
        },
        EscalationState::Expired => html! {
            p.situation {
                strong { "Every level was notified, and nobody acknowledged." }
                " Somebody still has to respond."
            }
        },
        EscalationState::Acked | EscalationState::Resolved | EscalationState::Cancelled => html! {
            p.situation { (end(story, now)) }
        },
    }
}

/// How the escalation was acknowledged or ended, by whom and when. Empty while it notifies people.
pub(super) fn end(story: &Story, now: Timestamp) -> Markup {
    html! {
        @if let Some(row) = story.answer() {
            (capitalize(&row.why)) " by " strong { (untrusted(story.who(&row.by))) } ", " (time(row.at, now))
        }
    }
}

/// One entry of a history.
struct HistoryEntry {
    at: Timestamp,
    text: Markup,
}

/// The history of an escalation and its notifications, newest first.
pub(super) fn history(story: &Story, now: Timestamp) -> Markup {
    let transitions = story.history.iter().map(|row| HistoryEntry {
        at: row.at,
        text: html! {
            span.what { (capitalize(&row.why)) } " " span.who { (untrusted(story.who(&row.by))) }
        },
    });
    let notifications = story.notifications.iter().map(|notification| HistoryEntry {
        at: last_change(notification),
        text: notification_text(story, notification, now),
    });
    let mut entries: Vec<HistoryEntry> = transitions.chain(notifications).collect();
    entries.sort_by_key(|entry| entry.at);
    entries.reverse();
    let item = |entry: &HistoryEntry| html! { li { (time(entry.at, now)) div.step { (entry.text) } } };
    let (newest, earlier) = entries.split_at(entries.len().min(SHOWN_ENTRIES));
    html! {
        div.story {
            ol.timeline { @for entry in newest { (item(entry)) } }
            @if !earlier.is_empty() {
                details {
                    summary { "Show " (earlier.len()) " earlier" }
                    ol.timeline { @for entry in earlier { (item(entry)) } }
                }
            }
        }
    }
}

/// When a notification last changed its state; when it is due, if it has not.
pub(super) fn last_change(notification: &Notification) -> Timestamp {
    notification.attempts.log.last().map_or(notification.attempts.slot, |entry| entry.at)
}

/// The outcome of a cancelled notification.
const NOT_NEEDED: &str = "cancelled, no longer needed";

/// A notification: its method, its person and its outcome.
pub(super) fn notification_text(story: &Story, notification: &Notification, now: Timestamp) -> Markup {
    let why = notification.attempts.log.last().map(|entry| entry.why.as_str()).unwrap_or_default();
    let text = |text: String| html! { (untrusted(&text)) };
    let (tone, outcome) = match notification.head().state() {
        // The escalation has ended, so no worker will send it. Its own state changes when its message is handled.
        NotificationState::Pending if !story.escalation.head().state().notifies() => {
            ("over", text(NOT_NEEDED.to_owned()))
        }
        NotificationState::Pending if notification.attempts.attempt > 1 => {
            ("waiting", text(format!("attempt {}: {why}", notification.attempts.attempt)))
        }
        NotificationState::Pending => ("waiting", due(notification.attempts.due, now)),
        NotificationState::Sending => ("waiting", text("sending".to_owned())),
        NotificationState::Delivered => ("delivered", text("delivered".to_owned())),
        NotificationState::Failed => ("failed", text(format!("failed: {why}"))),
        NotificationState::Cancelled => ("over", text(NOT_NEEDED.to_owned())),
    };
    html! {
        span.what { (capitalize(notification.method_type.name())) " to " (untrusted(story.person(notification.user))) }
        " " span.outcome.(tone) { (outcome) }
    }
}
