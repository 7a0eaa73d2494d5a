//! Pages that look again by themselves: an answer says which version it is, and is sent anew only if it differs.
//!
//! The script asks for the page again with `If-None-Match`. How long ago something was is not a difference: what stands
//! in `time` elements the script keeps right by itself.

use axum::response::{AppendHeaders, IntoResponse, Response};
use http::header::{ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY};
use http::{HeaderMap, StatusCode};
use maud::Markup;

/// What begins and ends an element that says when something was.
const TIME: (&str, &str) = ("<time", "</time>");

/// What the element begins with that says as of when the page is.
const NOW: &str = " data-now";

/// A page without what changes by the passing of time alone.
fn lasting(page: &str) -> String {
    let mut kept = String::with_capacity(page.len());
    let mut rest = page;
    while let Some((before, element)) = rest.split_once(TIME.0) {
        kept.push_str(before);
        let Some((element, after)) = element.split_once(TIME.1) else { break };
        // The moment itself stays, unless it is that of the page: it is in the attributes.
        let attributes = element.split_once('>').map_or(element, |(attributes, _)| attributes);
        if !attributes.starts_with(NOW) {
            kept.push_str(attributes);
        }
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// Which version of a page this is.
fn version(page: &str) -> String {
    format!("\"{}\"", domain::text::fingerprint(lasting(page).as_bytes(), 32))
}

/// Answers with a page of a session, or that whoever asks has it already.
pub(super) fn answer(headers: &HeaderMap, page: Markup) -> Response {
    let page = page.into_string();
    let version = version(&page);
    let known = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == version.as_bytes());
    // Our own forms must say where they come from; other sites still hear nothing.
    let said = AppendHeaders([
        (REFERRER_POLICY, "same-origin".to_owned()),
        (ETAG, version),
        (VARY, "Cookie".to_owned()),
    ]);
    if known {
        return (StatusCode::NOT_MODIFIED, said).into_response();
    }
    (said, maud::PreEscaped(page)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passing_of_time_makes_no_new_version() {
        let page = |at: &str, ago: &str| {
            format!(r#"<p>a <time datetime="{at}">12:00 <span>({ago})</span></time> b</p>"#)
        };

        assert_eq!(version(&page("1", "1 s ago")), version(&page("1", "2 s ago")));
        assert_ne!(version(&page("1", "1 s ago")), version(&page("2", "1 s ago")));
        assert_eq!(
            version(r#"<time data-now datetime="1">1</time>"#),
            version(r#"<time data-now datetime="2">2</time>"#),
            "as of when it is"
        );
        assert_ne!(version("a <time>1</time> b"), version("a <time>1</time> c"));
        assert_ne!(version("a <time>1 b"), version("a <time>2 b"), "what never ends is all kept");
    }
}
