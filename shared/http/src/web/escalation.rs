//! How an escalation looks, wherever it is shown.

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
use super::words::{self, capital, due, foreign, names, source_link, time};

/// How many steps are shown at once; those before are folded.
const STEPS: usize = 6;

/// How long a description is shown, in bytes.
const DESCRIPTION_BYTES: usize = 1200;

/// How long a title is shown, in bytes.
const TITLE_BYTES: usize = 600;

/// The state, in words for people.
pub(super) const fn state_words(state: EscalationState) -> &'static str {
    match state {
        EscalationState::Pending => "Waiting to page",
        EscalationState::Triggered => "Paging",
        EscalationState::Acked => "Acknowledged",
        EscalationState::Resolved => "Resolved",
        EscalationState::Expired => "Nobody answered",
        EscalationState::Cancelled => "Cancelled",
    }
}

/// The colour of a state; the words beside it say the same.
pub(super) const fn tone(state: EscalationState) -> &'static str {
    match state {
        EscalationState::Pending => "waiting",
        EscalationState::Triggered => "paging",
        EscalationState::Expired => "expired",
        EscalationState::Acked => "acked",
        EscalationState::Resolved | EscalationState::Cancelled => "over",
    }
}

/// The state as a badge.
pub(super) fn badge(story: &Story) -> Markup {
    let state = story.escalation.head().state();
    html! { span.badge.(tone(state)) { (state_words(state)) } }
}

/// The button that acknowledges, and leads back to the page that it stands on.
pub(super) fn acknowledge(frame: &Frame<'_>, id: EscalationId, back: &str) -> Markup {
    html! {
        @if frame.may(Permission::Respond) {
            form.act method="post" action=(format!("/escalations/{id}/acknowledge")) {
                (frame.field())
                input type="hidden" name="back" value=(back);
                button.primary type="submit" data-acknowledge { "Acknowledge" }
            }
        }
    }
}

/// What it is about, as the alert says it now.
pub(super) fn title(story: &Story) -> Markup {
    let title = story.body.as_ref().map_or(&*story.escalation.title, |body| &*body.title);
    let title = if title.trim().is_empty() { "(no title)" } else { title };
    foreign(&domain::text::shorten(title, TITLE_BYTES))
}

/// The description, as the alert says it now.
pub(super) fn description(story: &Story) -> Markup {
    let text = story.body.as_ref().and_then(|body| body.description.as_deref()).unwrap_or_default();
    html! {
        @if !text.trim().is_empty() {
            p.description dir="auto" { (domain::text::shorten(text.trim(), DESCRIPTION_BYTES)) }
        }
    }
}

/// Whether what belongs to something is linked: whoever came by the link in a page is not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Linked {
    /// To the pages of a session.
    Yes,
    /// Not at all.
    No,
}

impl Linked {
    /// What is linked for somebody: nothing that would not be there for them.
    pub(super) fn to(story: &Story, by: &Actor) -> Self {
        let is_hidden = hides(story.escalation.incident, story.incident.as_ref(), by);
        if is_hidden { Self::No } else { Self::Yes }
    }
}

/// Since when, where it comes from, and where it belongs.
pub(super) fn facts(story: &Story, now: Timestamp, linked: Linked) -> Markup {
    let escalation = &story.escalation;
    let url = story.body.as_ref().and_then(|body| body.source_url.as_deref());
    html! {
        ul.facts {
            li { (words::since(escalation.created_at, now)) }
            @if let Some(incident) = &story.incident {
                li {
                    @match linked {
                        Linked::Yes => a.reference href=(format!("/incidents/{}", incident.number)) { (incident.reference()) },
                        Linked::No => span.reference { (incident.reference()) },
                    }
                }
            }
            @if let Some(alert) = &story.alert {
                li {
                    @match linked {
                        Linked::Yes => a href=(format!("/alerts/{}", alert.id)) { "Alert from " (foreign(story.source_name())) },
                        Linked::No => { "Alert from " (foreign(story.source_name())) },
                    }
                    " " code title="the alert's id" { (alert.id) }
                }
            }
            @if let Some(link) = source_link(url.or(escalation.url.as_deref())) { li { (link) } }
        }
    }
}

/// Who is paged now and who is next, or who has answered.
pub(super) fn situation(story: &Story, now: Timestamp) -> Markup {
    let escalation = &story.escalation;
    let levels = story.levels.len().max(usize::from(escalation.level) + 1);
    match escalation.head().state() {
        EscalationState::Pending => {
            html! { p.situation { "The first level is paged " (due(escalation.due, now)) "." } }
        }
        EscalationState::Triggered => html! {
            p.situation {
                "Level " (escalation.level + 1) " of " (levels) ": "
                strong { (foreign(&names(&story.level(0)))) } ". "
                @if usize::from(escalation.level) + 1 < levels {
                    span.next { "Next: " (foreign(&names(&story.level(1)))) ", " (due(escalation.due, now)) "." }
                } @else {
                    span.next { "Last level: it expires " (due(escalation.due, now)) "." }
                }
            }
        },
        EscalationState::Expired => html! {
            p.situation { strong { "Every level was paged and nobody answered." } " It still needs somebody." }
        },
        EscalationState::Acked | EscalationState::Resolved | EscalationState::Cancelled => html! {
            @if let Some(answer) = story.answer() {
                p.situation { (capital(&answer.why)) " by " strong { (foreign(story.who(&answer.by))) } ", "
                    (time(answer.at, now)) }
            }
        },
    }
}

/// One step of a history, or one page.
struct Step {
    at: Timestamp,
    what: Markup,
}

/// Everything that happened, newest first.
pub(super) fn timeline(story: &Story, now: Timestamp) -> Markup {
    let history = story.history.iter().map(|row| Step {
        at: row.at,
        what: html! { span.what { (capital(&row.why)) } " " span.who { (foreign(story.who(&row.by))) } },
    });
    let pages = story
        .notifications
        .iter()
        .map(|page| Step { at: moved_at(page), what: page_words(story, page, now) });
    let mut steps: Vec<Step> = history.chain(pages).collect();
    steps.sort_by_key(|step| step.at);
    steps.reverse();
    let row = |step: &Step| html! { li { (time(step.at, now)) div.step { (step.what) } } };
    let (newest, earlier) = steps.split_at(steps.len().min(STEPS));
    html! {
        div.story {
            p.label { "History" }
            ol.timeline { @for step in newest { (row(step)) } }
            @if !earlier.is_empty() {
                details {
                    summary { (earlier.len()) " earlier" }
                    ol.timeline { @for step in earlier { (row(step)) } }
                }
            }
        }
    }
}

/// When a page last moved; when it is due, if it has not.
pub(super) fn moved_at(page: &Notification) -> Timestamp {
    page.log.last().map_or(page.slot, |entry| entry.at)
}

/// What is said of a page that was called off.
const NOT_NEEDED: &str = "not needed any more";

/// A page: to whom, by which way, and what came of it.
pub(super) fn page_words(story: &Story, page: &Notification, now: Timestamp) -> Markup {
    let why = page.log.last().map(|entry| entry.why.as_str()).unwrap_or_default();
    let plain = |text: String| html! { (foreign(&text)) };
    let (tone, said) = match page.head().state() {
        // Nobody will claim it any more; the queue only has not said so yet.
        NotificationState::Pending if !story.escalation.head().state().notifies() => {
            ("over", plain(NOT_NEEDED.to_owned()))
        }
        NotificationState::Pending if page.attempt > 1 => {
            ("waiting", plain(format!("attempt {}: {why}", page.attempt)))
        }
        NotificationState::Pending => ("waiting", due(page.due, now)),
        NotificationState::Sending => ("waiting", plain("being sent".to_owned())),
        NotificationState::Delivered => ("delivered", plain("delivered".to_owned())),
        NotificationState::Failed => ("failed", plain(format!("failed: {why}"))),
        NotificationState::Cancelled => ("over", plain(NOT_NEEDED.to_owned())),
    };
    html! {
        span.what { (capital(page.method_type.name())) " to " (foreign(story.person(page.user))) }
        " " span.outcome.(tone) { (said) }
    }
}
