//! The payload of an alert as its source sent it, formatted for reading.

use maud::{Markup, html};
use serde_json::value::RawValue;

/// The largest part of a payload that is shown, in bytes.
const SHOWN_BYTES: usize = 64 * 1024;

/// A longer payload is folded at first, in bytes.
const FOLDED_BYTES: usize = 6 * 1024;

/// The payload, cut if it is too long. `raw` is `None` if it is no longer stored.
pub(super) fn payload(raw: Option<&str>) -> Markup {
    let shown = raw.map(pretty);
    html! {
        section.card aria-labelledby="payload" {
            h2 #payload { "Payload" }
            @match &shown {
                None => p.none { "The payload is no longer available. Payloads are kept for 30 days." },
                Some(text) => {
                    details open[text.len() <= FOLDED_BYTES] {
                        summary { "As received, " (size(raw.map_or(0, str::len))) }
                        // Long lines scroll. The tab index makes that possible with the keyboard.
                        pre.payload tabindex="0" role="region" aria-label="Payload" dir="ltr" {
                            code { (domain::text::shorten(text, SHOWN_BYTES)) }
                        }
                        @if text.len() > SHOWN_BYTES { p.none { "Only the first " (size(SHOWN_BYTES)) " are shown." } }
                    }
                }
            }
        }
    }
}

/// The deepest level of indentation.
const DEEPEST: usize = 24;

/// Formats JSON. Only whitespace between values changes: the order of fields and the form of numbers stay.
fn pretty(raw: &str) -> String {
    if serde_json::from_str::<&RawValue>(raw).is_err() {
        return raw.to_owned();
    }
    let mut text = String::with_capacity(raw.len() * 2);
    let (mut depth, mut inside, mut escaped) = (0_usize, false, false);
    let line = |text: &mut String, depth: usize| {
        text.push('\n');
        text.extend(std::iter::repeat_n("  ", depth.min(DEEPEST)));
    };
    let mut characters = raw.chars().filter(|c| !c.is_control()).peekable();
    while let Some(c) = characters.next() {
        if inside {
            text.push(c);
            inside = c != '"' || escaped;
            escaped = c == '\\' && !escaped;
            continue;
        }
        match c {
            ' ' => {}
            '{' | '[' => {
                text.push(c);
                while characters.next_if_eq(&' ').is_some() {}
                if let Some(end) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    text.push(end);
                } else {
                    depth += 1;
                    line(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut text, depth);
                text.push(c);
            }
            ',' => {
                text.push(c);
                line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            _ => {
                inside = c == '"';
                text.push(c);
            }
        }
    }
    text
}

/// Formats a number of bytes.
fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        _ => format!("{} KB", bytes.div_ceil(1024)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formatting_keeps_the_order_numbers_and_texts_that_were_sent() {
        let raw = r#"{"z":1.00,"a":[{},[ ],{"b":"x, {y}: \"[\\"}], "n":123456789012345678901234567890}"#;

        let text = pretty(raw);

        assert_eq!(
            text,
            "{\n  \"z\": 1.00,\n  \"a\": [\n    {},\n    [],\n    {\n      \"b\": \"x, {y}: \\\"[\\\\\"\n    }\n  ],\n  \
             \"n\": 123456789012345678901234567890\n}"
        );
        let same = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(same(&text), same(raw));
    }

    #[test]
    fn payload_is_formatted_escaped_and_cut() {
        let hostile = payload(Some(r#"{"a":"<script>alert(1)</script>","b":[1,2]}"#)).into_string();
        assert!(hostile.contains("&quot;b&quot;: [\n"), "{hostile}");
        assert!(hostile.contains("&lt;script&gt;") && !hostile.contains("<script>"), "{hostile}");

        let long = payload(Some(&format!(r#"{{"a":"{}"}}"#, "x".repeat(200_000)))).into_string();
        assert!(long.len() < SHOWN_BYTES + 2000, "{}", long.len());
        assert!(long.contains("Only the first 64 KB are shown."));

        assert!(
            payload(Some("{\"a\":")).into_string().contains("{&quot;a&quot;:"),
            "a payload that was cut is shown unchanged"
        );
        assert!(payload(None).into_string().contains("no longer available"));
    }
}
