//! Lists: their filters, which are query parameters, and the links to older and newer items.

use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::extract::{FromRequestParts, Query};
use domain::id::AlertId;
use http::request::Parts;
use maud::{Markup, html};
use store::Order;

use crate::page::{IndexScan, PageRequest};
use crate::query::Span;

/// How many items a list shows on one page.
const PAGE_SIZE: usize = 25;

/// A query parameter: its name and its value.
pub(super) type Param<'a> = (&'a str, String);

/// A filter as a link: whether it is active, its label, and its query parameters.
pub(super) type Tab<'a> = (bool, &'a str, Vec<Param<'a>>);

/// The query parameters of a page. Parameters that cannot be parsed are ignored.
#[derive(Debug, Default)]
pub(super) struct QueryParams(BTreeMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for QueryParams {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let query = Query::from_request_parts(parts, state).await;
        Ok(Self(query.map(|Query(params)| params).unwrap_or_default()))
    }
}

impl QueryParams {
    /// The value of a parameter. `None` if it is absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The parsed value of a parameter. `None` if it is absent or invalid.
    pub(super) fn parsed<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }
}

/// A list of things that happened: alerts, escalations or incidents.
pub(super) struct List<'a> {
    path: &'static str,
    params: &'a QueryParams,
}

impl<'a> List<'a> {
    /// Describes the list at `path` with these query parameters.
    pub(super) const fn new(path: &'static str, params: &'a QueryParams) -> Self {
        Self { path, params }
    }

    /// The search of the list index for one page. `filtered` says whether entries of the index may be left out.
    pub(super) fn scan(&self, filtered: bool) -> IndexScan {
        IndexScan {
            page: PageRequest { size: PAGE_SIZE, after: self.after().map(|id| id.to_string()) },
            order: Order::Newest,
            created: Span::ALL,
            filtered,
        }
    }

    /// The id after which the page begins. The ids of all lists have the same form.
    fn after(&self) -> Option<AlertId> {
        self.params.parsed("after")
    }

    /// The address of the list with these query parameters.
    fn address(&self, params: &[Param<'_>]) -> String {
        let params = params.iter().filter(|(_, value)| !value.is_empty());
        let escaped =
            |value| percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
        let params: Vec<String> = params.map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        if params.is_empty() { self.path.to_owned() } else { format!("{}?{}", self.path, params.join("&")) }
    }

    /// The links to older items and back to the newest. `params` are those of the active filters.
    pub(super) fn pagination(&self, params: &[Param<'_>], after: Option<&str>, found: usize) -> Markup {
        let is_later_page = self.after().is_some();
        let older = after.map(|after| {
            let mut params = params.to_vec();
            params.push(("after", after.to_owned()));
            self.address(&params)
        });
        html! {
            @if is_later_page || older.is_some() {
                nav.turn aria-label="Pages" {
                    @if is_later_page { a.button href=(self.address(params)) { "Newest" } }
                    @if let Some(older) = older {
                        a.button href=(older) rel="next" {
                            @if found == 0 { "No matches yet. Search older items" } @else { "Older" }
                        }
                    }
                }
            }
        }
    }

    /// Filters as links. One of them is active.
    pub(super) fn tabs(&self, label: &str, tabs: &[Tab<'_>]) -> Markup {
        html! {
            nav.tabs aria-label=(label) {
                @for (is_active, label, params) in tabs {
                    a href=(self.address(params)) aria-current=[is_active.then_some("true")] { (label) }
                }
            }
        }
    }
}
