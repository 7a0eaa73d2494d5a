//! Lists: what is asked of them, and the way to what is older.

use std::collections::BTreeMap;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use domain::id::AlertId;
use maud::{Markup, html};
use store::Order;

use crate::page::{IndexScan, PageRequest};
use crate::query::Span;

/// How many things a list shows at once.
pub(super) const SHOWN: usize = 25;

/// What is asked for beside the page itself.
pub(super) type Wanted = Result<Query<BTreeMap<String, String>>, QueryRejection>;

/// A name in an address, and what it stands for.
pub(super) type Term<'a> = (&'a str, String);

/// A filter as a link: whether it holds, its name, and its terms.
pub(super) type Tab<'a> = (bool, &'a str, Vec<Term<'a>>);

/// What is asked of a list; whatever makes no sense is left out.
pub(super) struct Terms {
    path: &'static str,
    given: BTreeMap<String, String>,
}

impl Terms {
    /// Reads what is asked of the list at a path.
    pub(super) fn read(path: &'static str, wanted: Wanted) -> Self {
        Self { path, given: wanted.map(|Query(given)| given).unwrap_or_default() }
    }

    /// What was chosen under a name, if it is anything.
    pub(super) fn chosen<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.given.get(name)?.parse().ok()
    }

    /// What is there.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(String::as_str)
    }

    /// The search through the index.
    pub(super) fn scan(&self, filtered: bool) -> IndexScan {
        let after = self.chosen::<AlertId>("after").map(|id| id.to_string());
        IndexScan {
            page: PageRequest { size: SHOWN, after },
            order: Order::Newest,
            created: Span::ALL,
            filtered,
        }
    }

    /// The address of the list with these terms.
    fn at(&self, terms: &[Term<'_>]) -> String {
        let terms = terms.iter().filter(|(_, value)| !value.is_empty());
        let escaped =
            |value| percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
        let terms: Vec<String> = terms.map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        if terms.is_empty() { self.path.to_owned() } else { format!("{}?{}", self.path, terms.join("&")) }
    }

    /// The way to what is older, and back to the newest. `terms` are those that hold.
    pub(super) fn turn(&self, terms: &[Term<'_>], after: Option<&str>, found: usize) -> Markup {
        let later = self.chosen::<AlertId>("after").is_some();
        let older = after.map(|after| {
            let mut terms = terms.to_vec();
            terms.push(("after", after.to_owned()));
            self.at(&terms)
        });
        html! {
            @if later || older.is_some() {
                nav.turn aria-label="Pages" {
                    @if later { a.button href=(self.at(terms)) { "Newest" } }
                    @if let Some(older) = older {
                        a.button href=(older) rel="next" {
                            @if found == 0 { "Nothing so far: look further back" } @else { "Older" }
                        }
                    }
                }
            }
        }
    }

    /// Filters of which one holds, as links.
    pub(super) fn tabs(&self, label: &str, tabs: &[Tab<'_>]) -> Markup {
        html! {
            nav.tabs aria-label=(label) {
                @for (holds, name, terms) in tabs {
                    a href=(self.at(terms)) aria-current=[holds.then_some("true")] { (name) }
                }
            }
        }
    }
}

/// A choice of several, with the one that holds.
pub(super) fn select<'a>(
    name: &str,
    label: &str,
    none: &str,
    options: impl IntoIterator<Item = (String, &'a str)>,
    chosen: Option<&str>,
) -> Markup {
    html! {
        label.field {
            span { (label) }
            select name=(name) {
                option value="" { (none) }
                @for (value, says) in options {
                    option value=(value) selected[chosen == Some(value.as_str())] { (says) }
                }
            }
        }
    }
}
