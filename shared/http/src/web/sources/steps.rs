//! How a source is set up at its sender: the kind's own steps, with this source's address and secret in them.

use maud::{Markup, PreEscaped};
use pulldown_cmark::{CowStr, Event, Parser, html};

/// The steps. What is filled in is filled in after they were read, so that it is never taken for more than text.
pub(super) fn steps(docs: &str, url: &str, secret: &str) -> Markup {
    let fill = |text: CowStr<'_>| text.replace("{url}", url).replace("{secret}", secret);
    let events = Parser::new(docs).map(|event| match event {
        Event::Text(text) => Event::Text(fill(text).into()),
        Event::Code(text) => Event::Code(fill(text).into()),
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(fill(text).into()),
        other => other,
    });
    let mut shown = String::new();
    html::push_html(&mut shown, events);
    PreEscaped(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_shown_with_its_own_address_and_secret() {
        for source in sources::all() {
            let PreEscaped(shown) = steps(source.docs(), "https://a.example/x", "s3cret");
            assert!(!shown.contains("{url}") && !shown.contains("{secret}"), "{}: {shown}", source.kind());
            assert!(shown.contains("<li>") || shown.contains("<p>"), "{}: {shown}", source.kind());
        }
    }

    #[test]
    fn secret_that_looks_like_a_page_is_text() {
        let PreEscaped(shown) =
            steps("1. Say `{secret}` to {url}.\n\n```\n{secret}\n```\n", "*u*", "<b>`*x*`");

        assert!(!shown.contains("<b>") && !shown.contains("<em>"), "{shown}");
        assert_eq!(shown.matches("&lt;b&gt;`*x*`").count(), 2, "{shown}");
    }
}
