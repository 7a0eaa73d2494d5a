//! What the pages of settings have in common: the way from one to the other, what was done, and what is wrong.

use domain::access::Permission;
use maud::{Markup, html};
use serde::Deserialize;

use super::frame::Frame;

/// The pages of settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Alert sources.
    AlertSources,
    /// People.
    People,
    /// API keys.
    ApiKeys,
    /// Who changed what.
    Audit,
}

/// Every page, with its address, its name, and who may see it.
const PARTS: &[(Part, &str, &str, Permission)] = &[
    (Part::People, "/people", "People", Permission::See),
    (Part::AlertSources, "/alert-sources", "Alert sources", Permission::SeeOnCall),
    (Part::ApiKeys, "/api-keys", "API keys", Permission::ManageApiKeys),
    (Part::Audit, "/audit", "Audit log", Permission::SeeAudit),
];

/// The way from one page to the other.
pub(super) fn parts(frame: &Frame<'_>, here: Part) -> Markup {
    html! {
        nav.tabs aria-label="Settings" {
            @for (part, path, name, needs) in PARTS {
                @if frame.may(*needs) {
                    a href=(path) aria-current=[(*part == here).then_some("page")] { (name) }
                }
            }
        }
    }
}

/// What a page of a list begins with.
pub(super) fn head(frame: &Frame<'_>, here: Part) -> Markup {
    let name = PARTS.iter().find(|(part, ..)| *part == here).map(|(_, _, name, _)| name);
    html! {
        div.headline { @if let Some(name) = name { h1 { (name) } } }
        (parts(frame, here))
    }
}

/// What was done, and what is wrong.
pub(super) fn said(done: &str, complaint: Option<&str>) -> Markup {
    html! {
        @if !done.is_empty() { p.flash role="status" { (done) } }
        @if let Some(complaint) = complaint { p.complaint role="alert" { (complaint) "." } }
    }
}

/// The way on in the list at a path, if it goes on after something.
pub(super) fn onward(path: &str, after: Option<impl std::fmt::Display>, says: &str) -> Markup {
    html! {
        @if let Some(after) = after {
            nav.turn aria-label="Pages" { a.button href=(format!("{path}?after={after}")) rel="next" { (says) } }
        }
    }
}

/// A form with nothing but its button.
#[derive(Debug, Deserialize)]
pub(super) struct Pressed {}
