//! Automatic updates: every page has a version in its `ETag`, and is sent again only if the version has changed.
//!
//! The script requests the page again with `If-None-Match`. The version does not depend on the text of `time` elements,
//! such as "5 min ago", because the script updates that text itself.

use axum::response::{AppendHeaders, IntoResponse, Response};
use http::header::{ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY};
use http::{HeaderMap, StatusCode};
use maud::Markup;

/// The start and the end of a `time` element.
const TIME: (&str, &str) = ("<time", "</time>");

/// The attribute of the `time` element that shows when the page was made.
const NOW: &str = " data-now";

/// Removes from a page what changes only because time passes.
fn without_times(page: &str) -> String {
    let mut kept = String::with_capacity(page.len());
    let mut rest = page;
    while let Some((before, element)) = rest.split_once(TIME.0) {
        kept.push_str(before);
        let Some((element, after)) = element.split_once(TIME.1) else { break };
        // The time itself is in the attributes. It is kept, except for the time at which the page was made.
        let attributes = element.split_once('>').map_or(element, |(attributes, _)| attributes);
        if !attributes.starts_with(NOW) {
            kept.push_str(attributes);
        }
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// Computes the version of a page.
fn version(page: &str) -> String {
    format!("\"{}\"", domain::text::fingerprint(without_times(page).as_bytes(), 32))
}

/// Answers with a page, or with 304 if the browser has this version already.
pub(super) fn answer(headers: &HeaderMap, page: Markup) -> Response {
    let page = page.into_string();
    let version = version(&page);
    let known = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == version.as_bytes());
    // Forms on our pages must send their origin to us. Other sites still receive no referrer.
    let headers_of_page = AppendHeaders([
        (REFERRER_POLICY, "same-origin".to_owned()),
        (ETAG, version),
        (VARY, "Cookie".to_owned()),
    ]);
    if known {
        return (StatusCode::NOT_MODIFIED, headers_of_page).into_response();
    }
    (headers_of_page, maud::PreEscaped(page)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passing_of_time_does_not_change_the_version() {
        let page = |at: &str, ago: &str| {
            format!(r#"<p>a <time datetime="{at}">12:00 <span>({ago})</span></time> b</p>"#)
        };

        assert_eq!(version(&page("1", "1 s ago")), version(&page("1", "2 s ago")));
        assert_ne!(version(&page("1", "1 s ago")), version(&page("2", "1 s ago")));
        assert_eq!(
            version(r#"<time data-now datetime="1">1</time>"#),
            version(r#"<time data-now datetime="2">2</time>"#),
            "the time at which the page was made"
        );
        assert_ne!(version("a <time>1</time> b"), version("a <time>1</time> c"));
        assert_ne!(version("a <time>1 b"), version("a <time>2 b"), "an element without an end is kept whole");
    }
}
