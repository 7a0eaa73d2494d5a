//! The page of an alert: its content, its routing, its escalations and its history.

use std::sync::Arc;

use app::alert::explain::{AlertDetails, explain};
use app::incident::seen;
use axum::extract::State;
use axum::response::Response;
use domain::Identity;
use domain::access::Permission;
use domain::alert::{AlertState, Body};
use domain::id::AlertId;
use http::HeaderMap;
use machine::Stateful;
use maud::{Markup, html};

use super::{DELETED_SOURCE, badges, notes, payload, routing, state_label};
use crate::web::WebState;
use crate::web::escalation::{self, acknowledge_button, tone};
use crate::web::frame::{Frame, Section};
use crate::web::path_param::PathParam;
use crate::web::refusal::Refusal;
use crate::web::session::SignedIn;
use crate::web::words::{self, capitalize, source_link, untrusted};

/// The largest part of a title that is shown, in bytes.
const TITLE_BYTES: usize = 600;

/// The largest part of a description that is shown, in bytes.
const DESCRIPTION_BYTES: usize = 4000;

/// The largest part of a deduplication key that is shown, in bytes.
const KEY_BYTES: usize = 300;

pub(super) async fn show(
    State(web): State<Arc<WebState>>,
    headers: HeaderMap,
    PathParam(id): PathParam<AlertId>,
    signed_in: SignedIn,
) -> Result<Response, Refusal> {
    let explained = explain(&web.ctx.store, &signed_in.rules, id).await?.ok_or(Refusal::NotFound)?;
    if seen::hides(explained.alert.incident, explained.incident.as_ref(), &signed_in.actor()) {
        return Err(Refusal::NotFound);
    }
    let frame = Frame::new(&web, &signed_in, Section::Alerts);
    let main = html! {
        div #alert data-live { (head(&frame, &explained)) }
        div.columns {
            div.column {
                (notes::notes(&frame, &explained))
                (routing::routing(&frame, &explained))
                (payload::payload(explained.raw.as_deref()))
            }
            aside.column aria-label="Details" {
                div #about data-live {
                    (details(&frame, &explained))
                    (escalations(&frame, &explained))
                    (history(&frame, &explained))
                }
                (notes::tags_form(&frame, &explained))
            }
        }
    };
    Ok(frame.answer(&headers, &explained.alert.title, &main))
}

/// The content of the alert, the actions, its open escalations and the problems in its processing.
fn head(frame: &Frame<'_>, explained: &AlertDetails) -> Markup {
    let (alert, body) = (&explained.alert, explained.body.as_ref());
    let (_, tone) = state_label(alert.head().state());
    let title = body.map_or(&*alert.title, |body| &*body.title);
    let source = explained.source.as_ref().map_or(DELETED_SOURCE, |source| &source.name);
    let description = body.and_then(|body| body.description.as_deref()).unwrap_or_default().trim();
    html! {
        article.card.(tone) data-item {
            div.about {
                p.badges {
                    (badges(alert))
                    @if explained.flaps(frame.now) { " " span.badge.waiting { "Flapping" } }
                    (notes::tag_badges(&alert.tags))
                }
                h1 { (untrusted(&domain::text::shorten(title, TITLE_BYTES))) }
                ul.facts {
                    li { (words::ago_and_time(alert.created_at, frame.now)) }
                    li { "From " (untrusted(source)) }
                    @if let Some(incident) = &explained.incident {
                        li { a.reference href=(format!("/incidents/{}", incident.number)) { (incident.reference()) } }
                    }
                    @if let Some(link) = source_link(body.and_then(|body| body.source_url.as_deref())) { li { (link) } }
                }
                @if !description.is_empty() {
                    p.description dir="auto" { (domain::text::shorten(description, DESCRIPTION_BYTES)) }
                }
            }
            @if frame.may(Permission::Respond) { (action(frame, explained)) }
        }
        (open_escalations(frame, explained))
        @if let Some(body) = body.filter(|body| !body.problems.is_empty()) { (problems(body)) }
    }
}

/// The confirmation before an alert is resolved.
const CONFIRM_RESOLVE: &str =
    "Escalations that are only for this alert stop notifying people. Mark this alert as resolved?";

/// The confirmation before an alert fires again.
const CONFIRM_TRIGGER: &str =
    "This creates a new alert, which is routed and pages the on-call person. Trigger this alert again?";

/// The button that resolves a firing alert, or makes a resolved one fire again.
fn action(frame: &Frame<'_>, explained: &AlertDetails) -> Markup {
    let here = format!("/alerts/{}", explained.alert.id);
    let is_firing = explained.alert.head().state() == AlertState::Firing;
    html! {
        @if is_firing {
            form.act method="post" action=(format!("{here}/resolve"))
                data-confirm=(CONFIRM_RESOLVE) {
                (frame.token_field())
                input type="hidden" name="back" value=(here);
                button type="submit" { "Mark as resolved" }
            }
        } @else if explained.raw.is_some() {
            form.act method="post" action=(format!("{here}/retrigger"))
                data-confirm=(CONFIRM_TRIGGER) {
                (frame.token_field())
                input type="hidden" name="back" value="/alerts";
                button type="submit" { "Trigger again" }
            }
        }
    }
}

/// The escalations that need a response, each with its Acknowledge button.
fn open_escalations(frame: &Frame<'_>, explained: &AlertDetails) -> Markup {
    let here = format!("/alerts/{}", explained.alert.id);
    let open = explained.escalations.iter().filter(|escalation| escalation.head().state().notifies());
    html! {
        @for open in open {
            @let state = open.head().state();
            div.card.strip.(tone(state)) data-item {
                p.line {
                    (escalation::state_badge(state))
                    " " a href=(format!("/escalations/{}", open.id)) { "Level " (open.level + 1) }
                }
                (acknowledge_button(frame, open.id, &here))
            }
        }
    }
}

/// The rules that failed while the alert was processed.
fn problems(body: &Body) -> Markup {
    html! {
        section.card.problems aria-labelledby="problems" {
            h2 #problems { "Problems" }
            p.lead {
                "These parts of your configuration failed for this alert. Firebell processed the alert without them."
            }
            ul.dots { @for problem in &body.problems { li { (untrusted(problem)) } } }
        }
    }
}

/// The properties of the alert.
fn details(frame: &Frame<'_>, explained: &AlertDetails) -> Markup {
    let (alert, body) = (&explained.alert, explained.body.as_ref());
    let repeated = explained.key.as_ref().filter(|key| key.count > 1);
    html! {
        section.card aria-labelledby="details" {
            h2 #details { "Details" }
            dl.properties {
                @if let Some(priority) = body.and_then(|body| body.priority.as_deref()) {
                    div { dt { "Priority" } dd { (untrusted(priority)) } }
                }
                div { dt { "Started" } dd { (words::time(alert.started_at, frame.now)) } }
                div { dt { "Received" } dd { (words::time(alert.created_at, frame.now)) } }
                @if let Some(at) = alert.resolved_at { div { dt { "Resolved" } dd { (words::time(at, frame.now)) } } }
                @if let Some(body) = body {
                    @if let Some(key) = repeated { div { dt { "Events" } dd { (key.count) } } }
                    div { dt { "Last received" } dd { (words::time(body.updated_at, frame.now)) } }
                    div {
                        dt { "Deduplication key" }
                        dd { code { (untrusted(&domain::text::shorten(&body.deduplication_key, KEY_BYTES))) } }
                    }
                }
                div { dt { "Source type" } dd { (source_type(&alert.kind.0)) } }
                @if let Some(first) = alert.group.filter(|first| *first != alert.id) {
                    div { dt { "Group" } dd { a href=(format!("/alerts/{first}")) { "First alert of the group" } } }
                }
                div { dt { "ID" } dd { code { (alert.id) } } }
            }
        }
    }
}

/// The name of a source type; its identifier, if this version of Firebell does not know it.
fn source_type(kind: &str) -> &str {
    sources::get(kind).map_or(kind, |known| known.name())
}

/// The escalations for this alert.
fn escalations(frame: &Frame<'_>, explained: &AlertDetails) -> Markup {
    html! {
        section.card aria-labelledby="escalations" {
            h2 #escalations { "Escalations" }
            @if explained.escalations.is_empty() { p.none { "No escalations. Nobody was paged." } }
            ul.rows {
                @for escalation in &explained.escalations {
                    li {
                        p.line {
                            (escalation::state_badge(escalation.head().state()))
                            " " a href=(format!("/escalations/{}", escalation.id)) { "Level " (escalation.level + 1) }
                        }
                        p.soft { (words::ago(escalation.created_at, frame.now)) }
                    }
                }
            }
        }
    }
}

/// The history of the alert, newest first.
fn history(frame: &Frame<'_>, explained: &AlertDetails) -> Markup {
    let who = |by: &str| match by.parse::<Identity>() {
        Ok(Identity::User(id)) => explained.person(id).to_owned(),
        Ok(Identity::ApiKey(_)) => "an API key".to_owned(),
        Ok(Identity::System(part)) if part.starts_with("alert_source:") => {
            explained.source.as_ref().map_or(DELETED_SOURCE, |source| &source.name).to_owned()
        }
        Ok(Identity::System(_)) | Err(_) => "Firebell".to_owned(),
    };
    html! {
        section.card aria-labelledby="history" {
            h2 #history { "History" }
            ol.timeline.one {
                @for row in explained.history.iter().rev() {
                    li {
                        div.step { span.what { (capitalize(&row.why)) } " " span.who { (untrusted(&who(&row.by))) } }
                        (words::time(row.at, frame.now))
                    }
                }
            }
        }
    }
}
