//! The setup instructions of a source type, with the address and the secret of one source.

use maud::{Markup, PreEscaped};
use pulldown_cmark::{CowStr, Event, Parser, html};

/// Renders the instructions, which are Markdown. Values are filled in after parsing, so a value is always plain text.
pub(super) fn setup_steps(docs: &str, values: &[(&str, &str)]) -> Markup {
    let fill = |text: CowStr<'_>| {
        values.iter().fold(text.to_string(), |text, (name, value)| text.replace(name, value))
    };
    let events = Parser::new(docs).map(|event| match event {
        Event::Text(text) => Event::Text(fill(text).into()),
        Event::Code(text) => Event::Code(fill(text).into()),
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(fill(text).into()),
        other => other,
    });
    let mut html = String::new();
    html::push_html(&mut html, events);
    PreEscaped(html)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: &[(&str, &str)] =
        &[("{url}", "https://a.example/x"), ("{secret}", "s3cret"), ("{email}", "x@a.example")];

    #[test]
    fn instructions_of_every_type_contain_the_address_and_the_secret() {
        for source in sources::all() {
            let PreEscaped(shown) = setup_steps(source.docs(), VALUES);
            assert!(VALUES.iter().all(|(name, _)| !shown.contains(name)), "{}: {shown}", source.kind());
            assert!(shown.contains("<li>") || shown.contains("<p>"), "{}: {shown}", source.kind());
        }
    }

    #[test]
    fn secret_that_contains_markup_is_shown_as_text() {
        let PreEscaped(shown) = setup_steps(
            "1. Say `{secret}` to {url}.\n\n```\n{secret}\n```\n",
            &[("{url}", "*u*"), ("{secret}", "<b>`*x*`")],
        );

        assert!(!shown.contains("<b>") && !shown.contains("<em>"), "{shown}");
        assert_eq!(shown.matches("&lt;b&gt;`*x*`").count(), 2, "{shown}");
    }
}
