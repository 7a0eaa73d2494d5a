//! What every page of a session has around it: where one is, who one is, what keys do.

use axum::response::Response;
use domain::Timestamp;
use domain::access::Permission;
use http::HeaderMap;
use maud::{Markup, html};

use super::Desk;
use super::layout::{Top, page};
use super::live;
use super::session::SignedIn;
use super::words::{self, foreign};

/// How often a page looks again, in seconds.
pub(super) const LOOKS: u8 = 10;

/// The parts of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// What is open.
    Home,
    /// Incidents.
    Incidents,
    /// Escalations.
    Escalations,
    /// Alerts.
    Alerts,
    /// People, API keys, who changed what.
    Settings,
}

/// Every part, with its address, its name and the key that leads there.
const SECTIONS: &[(Section, &str, &str, &str)] = &[
    (Section::Home, "/", "Now", "h"),
    (Section::Incidents, "/incidents", "Incidents", "i"),
    (Section::Escalations, "/escalations", "Escalations", "e"),
    (Section::Alerts, "/alerts", "Alerts", "l"),
    (Section::Settings, "/people", "Settings", "s"),
];

/// What is around a page.
pub(super) struct Frame<'a> {
    pub(super) desk: &'a Desk,
    pub(super) signed_in: &'a SignedIn,
    pub(super) section: Section,
    pub(super) now: Timestamp,
    /// What the browser is told beside it.
    pub(super) head: Markup,
    /// Where it looks again, if that is not where it is: it is the answer to a form.
    pub(super) from: Option<String>,
}

impl<'a> Frame<'a> {
    /// Puts a page together, as of now.
    pub(super) fn new(desk: &'a Desk, signed_in: &'a SignedIn, section: Section) -> Self {
        Self { desk, signed_in, section, now: desk.ctx.now(), head: Markup::default(), from: None }
    }

    /// Says whether whoever looks may do something; what they may not is not offered.
    pub(super) fn may(&self, what: Permission) -> bool {
        self.signed_in.actor().may(what).is_ok()
    }

    /// What every form carries.
    pub(super) fn field(&self) -> Markup {
        self.signed_in.session.field(&self.desk.ctx.seal)
    }

    /// The whole page.
    pub(super) fn page(&self, title: &str, main: &Markup) -> Markup {
        let top = Top {
            title,
            head: self.head.clone(),
            bar: self.bar(),
            keys: Some(keys()),
            narrow: false,
            footer: self.as_of(),
        };
        page(&top, main)
    }

    /// The answer with the whole page.
    pub(super) fn answer(&self, headers: &HeaderMap, title: &str, main: &Markup) -> Response {
        live::answer(headers, self.page(title, main))
    }

    fn bar(&self) -> Markup {
        html! {
            nav.parts aria-label="Parts" {
                @for (section, path, name, key) in SECTIONS {
                    a href=(path) data-go=(key) aria-current=[(*section == self.section).then_some("page")] { (name) }
                }
            }
            @if self.may(Permission::CreateIncidents) {
                a.declare href="/incidents/new" data-go="n" { "Declare" span.more { " incident" } }
            }
            form.sign-out method="post" action="/sign-out" {
                (self.field())
                span.me title=(self.signed_in.rules.org.name) { (foreign(&self.signed_in.user.name)) }
                button type="submit" { "Sign out" }
            }
        }
    }

    /// As of when this is, and whether it looks again.
    fn as_of(&self) -> Markup {
        html! {
            p {
                "As of " (words::as_of(self.now))
                span #live data-every=(LOOKS) data-from=[self.from.as_deref()] role="status" {}
                " · " button.quiet type="button" data-help hidden { "Keys " kbd { "?" } }
            }
        }
    }
}

/// Some keys, and what they do.
type Key = (&'static [&'static str], &'static str);

/// What keys do, for whoever asks.
fn keys() -> Markup {
    let groups: [(&str, &[Key]); 3] = [
        (
            "Go to",
            &[
                (&["g", "h"], "what is open now"),
                (&["g", "i"], "incidents"),
                (&["g", "e"], "escalations"),
                (&["g", "l"], "alerts"),
                (&["g", "s"], "settings"),
                (&["n"], "declare an incident"),
            ],
        ),
        ("In a list", &[(&["j"], "next"), (&["k"], "previous"), (&["Enter"], "open"), (&["/"], "filters")]),
        (
            "Do",
            &[
                (&["a"], "acknowledge, after a question"),
                (&["u"], "write an update"),
                (&["?"], "show these keys"),
            ],
        ),
    ];
    html! {
        dialog #keys aria-labelledby="keys-title" {
            h2 #keys-title { "Keys" }
            @for (name, rows) in groups {
                h3 { (name) }
                dl.keys {
                    @for (keys, what) in rows {
                        div { dt { @for key in *keys { kbd { (key) } " " } } dd { (what) } }
                    }
                }
            }
            p.check {
                label { input type="checkbox" data-keys-off; " Turn these keys off in this browser" }
            }
            form method="dialog" { button type="submit" { "Close" } }
        }
        dialog #sure aria-labelledby="sure-title" {
            h2 #sure-title { "Are you sure?" }
            p data-question {}
            form.choice method="dialog" {
                button.primary value="yes" { "Yes" }
                button value="no" { "No" }
            }
        }
    }
}
