//! The frame that the settings pages have in common, and that of their lists.

use axum::response::Response;
use domain::access::Permission;
use http::HeaderMap;
use maud::{Markup, html};

use super::form::{error_message, refused};
use super::frame::Frame;
use super::{api_keys, audit, people, sources};

/// How many items a settings list shows on one page.
pub(super) const PAGE_SIZE: usize = 50;

/// A settings page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SettingsPage {
    /// The path.
    pub(super) path: &'static str,
    /// The title.
    pub(super) title: &'static str,
    /// The permission that a person needs to see it.
    pub(super) permission: Permission,
}

/// The settings pages, in the order of the navigation.
const PAGES: &[&SettingsPage] = &[&people::PAGE, &sources::PAGE, &api_keys::PAGE, &audit::PAGE];

/// The navigation between the settings pages.
pub(super) fn navigation(frame: &Frame<'_>, current: &SettingsPage) -> Markup {
    html! {
        nav.tabs aria-label="Settings" {
            @for page in PAGES {
                @if frame.may(page.permission) {
                    a href=(page.path) aria-current=[(*page == current).then_some("page")] { (page.title) }
                }
            }
        }
    }
}

/// The confirmation of the last action. Empty if there was none.
pub(super) fn confirmation(done: &str) -> Markup {
    html! { @if !done.is_empty() { p.flash role="status" { (done) } } }
}

/// One page of a settings list.
pub(super) struct ListPage<T> {
    /// The items.
    pub(super) items: Vec<T>,
    /// The id after which the next page begins. `None` on the last page.
    pub(super) next: Option<String>,
}

impl<T> ListPage<T> {
    /// Makes a page from the items that were read: one more than [`PAGE_SIZE`], to know whether there is a next page.
    pub(super) fn new(mut found: Vec<T>, id: impl Fn(&T) -> String) -> Self {
        let has_next = found.len() > PAGE_SIZE;
        found.truncate(PAGE_SIZE);
        let next = found.last().filter(|_| has_next).map(id);
        Self { items: found, next }
    }
}

/// A settings page with a list, and a form that adds an item.
pub(super) struct SettingsList {
    /// Which page it is.
    pub(super) page: &'static SettingsPage,
    /// The confirmation of the last action.
    pub(super) done: Markup,
    /// Why the form was refused.
    pub(super) error: Option<String>,
    /// What is shown before the list.
    pub(super) intro: Markup,
    /// The list.
    pub(super) list: Markup,
    /// The id after which the next page of the list begins, and the label of the link to it.
    pub(super) next: Option<(String, &'static str)>,
    /// The form that adds an item. Empty if the person may not add one.
    pub(super) form: Markup,
    /// Whether the page answers a form. The script then updates it from the path of the list.
    pub(super) answers_form: bool,
}

impl SettingsList {
    /// Answers with the page. The status is 422 if the form was refused.
    pub(super) fn answer(self, mut frame: Frame<'_>, headers: &HeaderMap) -> Response {
        let (path, title) = (self.page.path, self.page.title);
        if self.answers_form {
            frame.update_from = Some(path.to_owned());
        }
        let main = html! {
            div.headline { h1 { (title) } }
            (navigation(&frame, self.page))
            (self.done)
            (error_message(self.error.as_deref()))
            (self.intro)
            (self.list)
            @if let Some((after, label)) = &self.next {
                nav.turn aria-label="Pages" { a.button href=(format!("{path}?after={after}")) rel="next" { (label) } }
            }
            (self.form)
        };
        let page = frame.answer(headers, title, &main);
        if self.error.is_some() { refused(page) } else { page }
    }
}
