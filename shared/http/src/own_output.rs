//! What this installation sent itself, when it comes back as a delivery.
//!
//! A notification about an email that is itself a notification would never end. And the links in our emails belong to
//! one person: somebody else who has one can acknowledge, or sign in, as that person.

use std::borrow::Cow;

use app::Context;
use domain::alert::AlertEvent;
use serde_json::value::RawValue;

/// What takes the place of a link that belongs to one person.
const REMOVED: &str = "(personal link removed)";

/// The paths of links that belong to one person.
const PERSONAL: &[&str] = &["/acknowledge/", "/sign-in?token="];

/// Knows the output of this installation.
#[derive(Debug, Clone)]
pub(crate) struct OwnOutput {
    /// The id of the installation.
    installation: String,
    /// The beginnings of personal links.
    links: Vec<String>,
}

impl OwnOutput {
    /// The output of an installation.
    pub(crate) fn new(ctx: &Context) -> Self {
        let base = ctx.public_url.trim_end_matches('/');
        let links = PERSONAL.iter().map(|path| format!("{base}{path}")).collect();
        Self { installation: ctx.seal.installation(), links }
    }

    /// Says whether an event is an email that this installation sent.
    pub(crate) fn sent(&self, event: &AlertEvent) -> bool {
        event.payload.get().contains(&self.installation)
    }

    /// Removes personal links from an event. Other people see the alert.
    pub(crate) fn remove_links(&self, event: &mut AlertEvent) {
        event.source_url.take_if(|url| self.links.iter().any(|link| url.starts_with(link)));
        for text in [Some(&mut event.title), event.description.as_mut()].into_iter().flatten() {
            if let Cow::Owned(without) = self.without_links(text) {
                *text = without;
            }
        }
        if let Cow::Owned(without) = self.without_links(event.payload.get())
            && let Ok(payload) = RawValue::from_string(without)
        {
            event.payload = payload;
        }
    }

    /// The text without personal links.
    fn without_links<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut result = Cow::Borrowed(text);
        for link in &self.links {
            while let Some(start) = result.find(link) {
                let rest = &result[start + link.len()..];
                let is_token = |c: char| c.is_ascii_alphanumeric() || "-_.~%=#?&/".contains(c);
                let end = start + link.len() + rest.find(|c: char| !is_token(c)).unwrap_or(rest.len());
                result = Cow::Owned(format!("{}{REMOVED}{}", &result[..start], &result[end..]));
            }
        }
        result
    }
}
