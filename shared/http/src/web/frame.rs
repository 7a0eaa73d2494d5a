//! The frame of every page for a signed-in person: navigation, footer, keyboard shortcuts.

use axum::response::Response;
use domain::Timestamp;
use domain::access::Permission;
use http::HeaderMap;
use maud::{Markup, html};

use super::WebState;
use super::layout::{Layout, page};
use super::live;
use super::session::SignedIn;
use super::words::{self, untrusted};

/// The interval between automatic updates of a page, in seconds.
const UPDATE_INTERVAL: u8 = 10;

/// The sections in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// The dashboard.
    Home,
    /// Incidents.
    Incidents,
    /// Escalations.
    Escalations,
    /// Alerts.
    Alerts,
    /// People, alert sources, API keys, audit log.
    Settings,
}

/// Each section with its path, its label and its keyboard shortcut.
const SECTIONS: &[(Section, &str, &str, &str)] = &[
    (Section::Home, "/", "Home", "h"),
    (Section::Incidents, "/incidents", "Incidents", "i"),
    (Section::Escalations, "/escalations", "Escalations", "e"),
    (Section::Alerts, "/alerts", "Alerts", "l"),
    (Section::Settings, "/people", "Settings", "s"),
];

/// The frame of a page.
pub(super) struct Frame<'a> {
    pub(super) web: &'a WebState,
    pub(super) signed_in: &'a SignedIn,
    pub(super) section: Section,
    pub(super) now: Timestamp,
    /// Additional elements of the HTML head.
    pub(super) head: Markup,
    /// The address from which the script updates the page. `None` for its own address; a page that answers a form has
    /// to name another one.
    pub(super) update_from: Option<String>,
}

impl<'a> Frame<'a> {
    /// Makes the frame of a page, with the current time.
    pub(super) fn new(web: &'a WebState, signed_in: &'a SignedIn, section: Section) -> Self {
        Self { web, signed_in, section, now: web.ctx.now(), head: Markup::default(), update_from: None }
    }

    /// Returns whether the signed-in person has a permission. Pages do not offer actions without permission.
    pub(super) fn may(&self, permission: Permission) -> bool {
        self.signed_in.actor().may(permission).is_ok()
    }

    /// The hidden field that every form must have.
    pub(super) fn token_field(&self) -> Markup {
        self.signed_in.session.token_field(&self.web.ctx.seal)
    }

    /// Builds the whole page.
    pub(super) fn page(&self, title: &str, main: &Markup) -> Markup {
        let layout = Layout {
            title,
            head: self.head.clone(),
            bar: self.bar(),
            dialogs: Some(dialogs()),
            narrow: false,
            footer: self.footer(),
        };
        page(&layout, main)
    }

    /// Answers with the whole page.
    pub(super) fn answer(&self, headers: &HeaderMap, title: &str, main: &Markup) -> Response {
        live::answer(headers, self.page(title, main))
    }

    fn bar(&self) -> Markup {
        html! {
            nav.parts aria-label="Main" {
                @for (section, path, label, key) in SECTIONS {
                    a href=(path) data-go=(key) aria-current=[(*section == self.section).then_some("page")] { (label) }
                }
            }
            @if self.may(Permission::CreateIncidents) {
                a.declare href="/incidents/new" data-go="n" { "Declare" span.more { " incident" } }
            }
            form.sign-out method="post" action="/sign-out" {
                (self.token_field())
                span.me title=(self.signed_in.rules.org.name) { (untrusted(&self.signed_in.user.name)) }
                button type="submit" { "Sign out" }
            }
        }
    }

    /// The time of the page, whether it updates automatically, and the button that shows the shortcuts.
    fn footer(&self) -> Markup {
        html! {
            p {
                "Last updated " (words::page_time(self.now))
                span #live data-every=(UPDATE_INTERVAL) data-from=[self.update_from.as_deref()] role="status" {}
                " · " button.quiet type="button" data-help hidden { "Keyboard shortcuts " kbd { "?" } }
            }
        }
    }
}

/// A shortcut: the keys to press one after the other, and what they do.
type Shortcut = (&'static [&'static str], &'static str);

/// The dialogs that the script opens: the list of shortcuts, and the confirmation.
fn dialogs() -> Markup {
    let groups: [(&str, &[Shortcut]); 3] = [
        (
            "Navigation",
            &[
                (&["g", "h"], "Go to Home"),
                (&["g", "i"], "Go to Incidents"),
                (&["g", "e"], "Go to Escalations"),
                (&["g", "l"], "Go to Alerts"),
                (&["g", "s"], "Go to Settings"),
                (&["n"], "Declare an incident"),
            ],
        ),
        (
            "Lists",
            &[
                (&["j"], "Next item"),
                (&["k"], "Previous item"),
                (&["Enter"], "Open item"),
                (&["/"], "Go to the filters"),
            ],
        ),
        (
            "Actions",
            &[
                (&["a"], "Acknowledge, after a confirmation"),
                (&["u"], "Write an update"),
                (&["?"], "Show these shortcuts"),
            ],
        ),
    ];
    html! {
        dialog #keys aria-labelledby="keys-title" {
            h2 #keys-title { "Keyboard shortcuts" }
            @for (name, shortcuts) in groups {
                h3 { (name) }
                dl.keys {
                    @for (keys, action) in shortcuts {
                        div { dt { @for key in *keys { kbd { (key) } " " } } dd { (action) } }
                    }
                }
            }
            p.check {
                label { input type="checkbox" data-keys-off; " Turn off keyboard shortcuts in this browser" }
            }
            form method="dialog" { button type="submit" { "Close" } }
        }
        dialog #confirm aria-labelledby="confirm-title" {
            h2 #confirm-title { "Are you sure?" }
            p data-question {}
            form.choice method="dialog" {
                button.primary value="yes" { "Confirm" }
                button value="no" { "Cancel" }
            }
        }
    }
}
