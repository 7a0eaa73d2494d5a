//! The timeline of an incident, newest first.

use app::incident::timeline::IncidentTimeline;
use domain::alert::AlertState;
use domain::escalation::EscalationState;
use domain::id::{EscalationId, UserId};
use domain::incident::{BeforeAfter, FieldChange, InitialValues, TimelineEntry, TimelineEvent};
use domain::{Identity, Timestamp};
use maud::{Markup, html};

use super::{severity_name, status_name};
use crate::web::escalation;
use crate::web::words::{self, untrusted};

/// The largest part of a changed text that is shown, in bytes.
const SHOWN_BYTES: usize = 200;

/// The whole timeline.
pub(super) fn timeline(story: &IncidentTimeline, now: Timestamp) -> Markup {
    html! {
        ol.story-line {
            @for entry in story.entries.iter().rev() { (row(story, entry, now)) }
        }
        @if story.earlier { p.none { "Earlier entries are not shown." } }
    }
}

/// An entry.
fn row(story: &IncidentTimeline, entry: &TimelineEntry, now: Timestamp) -> Markup {
    let (tone, text) = describe(story, entry);
    html! {
        li.(tone) {
            div.happened { (text) }
            p.when {
                (words::time(entry.at, now))
                @if let Some(Identity::ApiKey(_)) = &entry.by { " · via the API" }
            }
        }
    }
}

/// The person or the system that caused an entry.
fn who(story: &IncidentTimeline, entry: &TimelineEntry) -> Markup {
    let name = entry.by.as_ref().map_or("Somebody", |by| story.who(by));
    html! { strong { (untrusted(name)) } }
}

/// The style and the text of an entry.
fn describe(story: &IncidentTimeline, entry: &TimelineEntry) -> (&'static str, Markup) {
    let who = who(story, entry);
    match &entry.what {
        TimelineEvent::Opened(began) => ("paging", opened(story, entry, began, &who)),
        TimelineEvent::Alert { alert, state } => {
            let title = story.alert(*alert).map_or("unknown alert", |alert| alert.title.as_str());
            let alert = html! { a href=(format!("/alerts/{alert}")) { (untrusted(title)) } };
            match state {
                AlertState::Firing => ("paging", html! { p { "Alert fired: " (alert) } }),
                AlertState::Resolved => ("acked", html! { p { "Alert resolved by " (who) ": " (alert) } }),
            }
        }
        TimelineEvent::Escalation { escalation, state, level, why } => {
            escalated(story, *escalation, (*state, *level, why), &who)
        }
        TimelineEvent::Changed { message, differences } => {
            let tone = if message.is_some() { "update" } else { "over" };
            (tone, changed(story, message.as_deref(), differences, &who))
        }
    }
}

/// The creation of the incident.
fn opened(story: &IncidentTimeline, entry: &TimelineEntry, began: &InitialValues, who: &Markup) -> Markup {
    let is_automatic = matches!(entry.by, Some(Identity::System(_)) | None);
    html! {
        p {
            (who) @if is_automatic { " created " } @else { " declared " } "the incident "
            q { (untrusted(&began.name)) }
        }
        ul.changes {
            li { "Status " b { (untrusted(status_name(&story.choices, began.status))) } }
            @if let Some(severity) = began.severity {
                li { "Severity " b { (untrusted(severity_name(&story.choices, severity))) } }
            }
            @for role in &story.choices.roles {
                @if let Some(user) = began.roles.get(&role.id) {
                    li { (untrusted(&role.what.name)) " " b { (untrusted(story.person(*user))) } }
                }
            }
        }
    }
}

/// A transition of an escalation.
fn escalated(
    story: &IncidentTimeline,
    id: EscalationId,
    (state, level, why): (EscalationState, Option<u16>, &str),
    who: &Markup,
) -> (&'static str, Markup) {
    let targets = story.escalation(id).zip(level);
    let targets = targets.and_then(|(paging, level)| Some(&paging.levels.get(usize::from(level))?.targets));
    let names: Vec<&str> = targets.into_iter().flatten().map(|target| story.person(target.user)).collect();
    let notified = (level.map_or(1, |level| level + 1), words::join_names(&names));
    let text = escalation::step(state, &notified, why, who);
    let link = html! { a.soft href=(format!("/escalations/{id}")) { "Escalation" } };
    (escalation::tone(state), html! { p { (text) " · " (link) } })
}

/// A change of the incident, with the update that was shared.
fn changed(
    story: &IncidentTimeline,
    message: Option<&str>,
    differences: &[FieldChange],
    who: &Markup,
) -> Markup {
    html! {
        p {
            (who)
            @match (message, differences) {
                (Some(_), _) => " shared an update",
                (None, []) => " confirmed the current state",
                (None, _) => " edited the incident",
            }
        }
        @if let Some(message) = message { blockquote.message dir="auto" { (message) } }
        @if !differences.is_empty() {
            ul.changes { @for difference in differences { li { (field_change(story, difference)) } } }
        }
    }
}

/// A field, before and after.
fn field_change(story: &IncidentTimeline, difference: &FieldChange) -> Markup {
    let text = |values: &BeforeAfter<String>| {
        let shown = |text: &String| domain::text::shorten(text, SHOWN_BYTES);
        BeforeAfter { before: values.before.as_ref().map(shown), after: values.after.as_ref().map(shown) }
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
            let role = role.map_or("A deleted role", |role| role.what.name.as_str());
            arrow(role, &named(user, |id: &UserId| story.person(*id)))
        }
        FieldChange::Milestone(milestone, at) => {
            let moment = |at: &Timestamp| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
            let at =
                BeforeAfter { before: at.before.as_ref().map(moment), after: at.after.as_ref().map(moment) };
            arrow(milestone.name(), &at)
        }
        FieldChange::Pinned { text, author } => html! {
            "Pinned message from " (untrusted(author.as_deref().unwrap_or("somebody"))) ": "
            b { (untrusted(&domain::text::shorten(text, SHOWN_BYTES))) }
        },
    }
}

/// Replaces ids by names.
fn named<'a, T>(values: &BeforeAfter<T>, name: impl Fn(&T) -> &'a str) -> BeforeAfter<String> {
    let name = |id: &T| name(id).to_owned();
    BeforeAfter { before: values.before.as_ref().map(&name), after: values.after.as_ref().map(&name) }
}

/// A field with its values before and after.
fn arrow(field: &str, values: &BeforeAfter<String>) -> Markup {
    html! {
        (untrusted(field)) " "
        @if let Some(before) = &values.before { s { (untrusted(before)) } span.to { " → " span.unseen { "to " } } }
        b { (untrusted(values.after.as_deref().unwrap_or("not set"))) }
    }
}
