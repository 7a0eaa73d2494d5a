//! What happened in an incident, as people read it: the newest first.

use app::incident::timeline::IncidentTimeline as Story;
use domain::alert::AlertState;
use domain::escalation::EscalationState;
use domain::id::{EscalationId, UserId};
use domain::incident::{BeforeAfter, FieldChange, InitialValues, TimelineEntry, TimelineEvent};
use domain::{Identity, Timestamp};
use maud::{Markup, html};

use super::{severity_name, status_name};
use crate::web::words::{self, capital, foreign};

/// How much of a long text is shown where it changed, in bytes.
const SHOWN_BYTES: usize = 200;

/// Everything that happened.
pub(super) fn timeline(story: &Story, now: Timestamp) -> Markup {
    html! {
        ol.story-line {
            @for entry in story.entries.iter().rev() { (row(story, entry, now)) }
        }
        @if story.earlier { p.none { "What was before that is not shown." } }
    }
}

/// One thing that happened.
fn row(story: &Story, entry: &TimelineEntry, now: Timestamp) -> Markup {
    let (tone, what) = told(story, entry);
    html! {
        li.(tone) {
            div.happened { (what) }
            p.when {
                (words::time(entry.at, now))
                @if let Some(Identity::ApiKey(_)) = &entry.by { " · through the API" }
            }
        }
    }
}

/// Whoever caused it.
fn who(story: &Story, entry: &TimelineEntry) -> Markup {
    let name = entry.by.as_ref().map_or("Somebody", |by| story.who(by));
    html! { strong { (foreign(name)) } }
}

/// What happened, and its colour.
fn told(story: &Story, entry: &TimelineEntry) -> (&'static str, Markup) {
    let who = who(story, entry);
    match &entry.what {
        TimelineEvent::Opened(began) => ("paging", opened(story, entry, began, &who)),
        TimelineEvent::Alert { alert, state } => {
            let title = story.alert(*alert).map_or("an alert", |alert| alert.title.as_str());
            let alert = html! { a href=(format!("/alerts/{alert}")) { (foreign(title)) } };
            match state {
                AlertState::Firing => ("paging", html! { p { "Alert fired: " (alert) } }),
                AlertState::Resolved => ("acked", html! { p { (who) " says that it is over: " (alert) } }),
            }
        }
        TimelineEvent::Escalation { escalation, state, level, why } => {
            escalated(story, *escalation, (*state, *level, why), &who)
        }
        TimelineEvent::Changed { message, differences } => {
            let tone = if message.is_some() { "told" } else { "over" };
            (tone, changed(story, message.as_deref(), differences, &who))
        }
    }
}

/// How it began.
fn opened(story: &Story, entry: &TimelineEntry, began: &InitialValues, who: &Markup) -> Markup {
    let by_itself = matches!(entry.by, Some(Identity::System(_)) | None);
    html! {
        p { (who) @if by_itself { " opened " } @else { " declared " } "the incident " q { (foreign(&began.name)) } }
        ul.changes {
            li { "Status " b { (foreign(status_name(&story.choices, began.status))) } }
            @if let Some(severity) = began.severity {
                li { "Severity " b { (foreign(severity_name(&story.choices, severity))) } }
            }
            @for role in &story.choices.roles {
                @if let Some(user) = began.roles.get(&role.id) {
                    li { (foreign(&role.what.name)) " " b { (foreign(story.person(*user))) } }
                }
            }
        }
    }
}

/// A step of an escalation.
fn escalated(
    story: &Story,
    id: EscalationId,
    (state, level, why): (EscalationState, Option<u16>, &str),
    who: &Markup,
) -> (&'static str, Markup) {
    let link = html! { a.soft href=(format!("/escalations/{id}")) { "Escalation" } };
    let step = |what: Markup| html! { p { (what) " · " (link) } };
    match state {
        EscalationState::Pending => ("waiting", step(html! { "Paging begins soon" })),
        EscalationState::Triggered => {
            let targets = story
                .escalation(id)
                .zip(level)
                .and_then(|(paging, level)| Some(&paging.levels.get(usize::from(level))?.targets));
            let names: Vec<&str> =
                targets.into_iter().flatten().map(|target| story.person(target.user)).collect();
            let level = level.map_or(1, |level| level + 1);
            let paged = html! { "Level " (level) " is paged: " b { (foreign(&words::names(&names))) } };
            ("paging", step(paged))
        }
        EscalationState::Acked => ("acked", step(html! { (who) " acknowledged" })),
        EscalationState::Expired => ("expired", step(html! { "Nobody answered at any level" })),
        EscalationState::Resolved => ("acked", step(html! { "Paging ended: " (capital(why)) })),
        EscalationState::Cancelled => ("over", step(html! { (who) " cancelled the paging" })),
    }
}

/// A change, with what others were told.
fn changed(story: &Story, message: Option<&str>, differences: &[FieldChange], who: &Markup) -> Markup {
    html! {
        p {
            (who)
            @match (message, differences) {
                (Some(_), _) => " shared an update",
                (None, []) => " confirmed how it is",
                (None, _) => " changed",
            }
        }
        @if let Some(message) = message { blockquote.message dir="auto" { (message) } }
        @if !differences.is_empty() {
            ul.changes { @for difference in differences { li { (differs(story, difference)) } } }
        }
    }
}

/// One thing, before and after.
fn differs(story: &Story, difference: &FieldChange) -> Markup {
    let text = |moved: &BeforeAfter<String>| {
        let shown = |text: &String| domain::text::shorten(text, SHOWN_BYTES);
        BeforeAfter { before: moved.before.as_ref().map(shown), after: moved.after.as_ref().map(shown) }
    };
    let choices = &story.choices;
    match difference {
        FieldChange::Name(name) => arrow("Name", &text(name)),
        FieldChange::Summary(summary) => arrow("Summary", &text(summary)),
        FieldChange::Severity(severity) => {
            arrow("Severity", &named(severity, |id| severity_name(choices, *id)))
        }
        FieldChange::Status(status) => arrow("Status", &named(status, |id| status_name(choices, *id))),
        FieldChange::Role(role, user) => {
            let role = choices.roles.iter().find(|one| one.id == *role);
            let role = role.map_or("A role that is gone", |role| role.what.name.as_str());
            arrow(role, &named(user, |id: &UserId| story.person(*id)))
        }
        FieldChange::Milestone(milestone, at) => {
            let moment = |at: &Timestamp| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
            let at =
                BeforeAfter { before: at.before.as_ref().map(moment), after: at.after.as_ref().map(moment) };
            arrow(milestone.name(), &at)
        }
        FieldChange::Pinned { text, author } => html! {
            "Pinned what " (foreign(author.as_deref().unwrap_or("somebody"))) " said: "
            b { (foreign(&domain::text::shorten(text, SHOWN_BYTES))) }
        },
    }
}

/// The names of what moved.
fn named<'a, T>(moved: &BeforeAfter<T>, name: impl Fn(&T) -> &'a str) -> BeforeAfter<String> {
    let name = |id: &T| name(id).to_owned();
    BeforeAfter { before: moved.before.as_ref().map(&name), after: moved.after.as_ref().map(&name) }
}

/// Something, before and after.
fn arrow(what: &str, moved: &BeforeAfter<String>) -> Markup {
    html! {
        (foreign(what)) " "
        @if let Some(before) = &moved.before { s { (foreign(before)) } span.to { " → " span.unseen { "to " } } }
        b { (foreign(moved.after.as_deref().unwrap_or("nothing"))) }
    }
}
