//! How a source is set up at its sender: the kind's own steps, with this source's address and secret in them.

use maud::{Markup, PreEscaped};
use pulldown_cmark::{CowStr, Event, Parser, html};

/// The steps. What is filled in is filled in after they were read, so that it is never taken for more than text.
pub(super) fn steps(docs: &str, own: &[(&str, &str)]) -> Markup {
    let fill =
        |text: CowStr<'_>| own.iter().fold(text.to_string(), |text, (name, value)| text.replace(name, value));
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

    const OWN: &[(&str, &str)] =
        &[("{url}", "https://a.example/x"), ("{secret}", "s3cret"), ("{email}", "x@a.example")];

    #[test]
    fn every_kind_is_shown_with_its_own_address_and_secret() {
        for source in sources::all() {
            let PreEscaped(shown) = steps(source.docs(), OWN);
            assert!(OWN.iter().all(|(name, _)| !shown.contains(name)), "{}: {shown}", source.kind());
            assert!(shown.contains("<li>") || shown.contains("<p>"), "{}: {shown}", source.kind());
        }
    }

    #[test]
    fn secret_that_looks_like_a_page_is_text() {
        let PreEscaped(shown) = steps(
            "1. Say `{secret}` to {url}.\n\n```\n{secret}\n```\n",
            &[("{url}", "*u*"), ("{secret}", "<b>`*x*`")],
        );

        assert!(!shown.contains("<b>") && !shown.contains("<em>"), "{shown}");
        assert_eq!(shown.matches("&lt;b&gt;`*x*`").count(), 2, "{shown}");
    }
}
