//! What the pages of settings have in common: the way from one to the other.

use domain::access::Permission;
use maud::{Markup, html};

use super::frame::Frame;

/// The pages of settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
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
