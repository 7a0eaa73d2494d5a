//! Times, links and texts of strangers, as people read them.

use domain::Timestamp;
use jiff::SignedDuration;
use maud::{Markup, html};

/// A moment: in UTC, and how long ago it was.
pub(super) fn time(at: Timestamp, now: Timestamp) -> Markup {
    html! {
        time datetime=(machine_time(at)) data-as="clock-ago" {
            (moment(at, now)) " " span.ago { "(" (distance(at, now)) ")" }
        }
    }
}

/// How long ago a moment was, and nothing else to see.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> Markup {
    html! { time datetime=(machine_time(at)) data-as="ago" title=(moment(at, now)) { (distance(at, now)) } }
}

/// As of when a page is, to the second, in UTC.
pub(super) fn as_of(at: Timestamp) -> Markup {
    html! { time data-now datetime=(machine_time(at)) data-as="clock" { (at.strftime("%H:%M:%S UTC").to_string()) } }
}

/// What is later than this is late, and said to be.
const PROMPT: SignedDuration = SignedDuration::from_secs(60);

/// When something is due, or how late it is.
pub(super) fn due(at: Option<Timestamp>, now: Timestamp) -> Markup {
    let Some(at) = at else { return html! { "any moment now" } };
    let said = match now.duration_since(at) {
        late if late > PROMPT => format!("late by {}", length(late)),
        late if late < SignedDuration::ZERO => distance(at, now),
        _ => "any moment now".to_owned(),
    };
    html! { time datetime=(machine_time(at)) data-as="due" { (said) } }
}

/// How long ago a moment was, with the moment itself beside it.
pub(super) fn since(at: Timestamp, now: Timestamp) -> Markup {
    html! {
        time datetime=(machine_time(at)) data-as="ago-clock" {
            strong { (distance(at, now)) } " · " (moment(at, now))
        }
    }
}

/// A moment as programs read it.
fn machine_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A moment in UTC, with no more of the date than is needed.
fn moment(at: Timestamp, now: Timestamp) -> String {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let format = if day(at) == day(now) {
        "%H:%M:%S UTC"
    } else if at.strftime("%Y").to_string() == now.strftime("%Y").to_string() {
        "%-d %b %H:%M UTC"
    } else {
        "%-d %b %Y %H:%M UTC"
    };
    at.strftime(format).to_string()
}

/// How far a moment is from now, in one unit.
pub(super) fn distance(at: Timestamp, now: Timestamp) -> String {
    let apart = now.duration_since(at);
    if apart.as_secs() == 0 {
        return "just now".to_owned();
    }
    let length = length(apart.abs());
    if apart < SignedDuration::ZERO { format!("in {length}") } else { format!("{length} ago") }
}

/// A length of time in its largest unit.
pub(super) fn length(apart: SignedDuration) -> String {
    let seconds = apart.as_secs();
    let (count, unit) = match seconds {
        0..60 => (seconds, "s"),
        60..3600 => (seconds / 60, "min"),
        3600..172_800 => (seconds / 3600, "h"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{count} {unit}")
}

/// A text that a stranger wrote; whatever direction it takes, it keeps it to itself.
pub(super) fn foreign(text: &str) -> Markup {
    html! { bdi { (text) } }
}

/// A link to where an alert came from, if that is a place in the web; anything else is no link.
pub(super) fn source_link(url: Option<&str>) -> Option<Markup> {
    let (url, host) = url.and_then(|url| Some((url, host(url)?)))?;
    Some(html! { a.source href=(url) rel="noopener noreferrer nofollow" { "Open at " (foreign(host)) } })
}

/// The host of an address in the web; none for any other scheme, and for what only looks like an address.
fn host(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    if url.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    (!host.is_empty()).then_some(host)
}

/// Names as a list: `Ada`, `Ada and Grace`, `Ada, Grace and Linus`.
pub(super) fn names(names: &[&str]) -> String {
    match names {
        [] => "nobody".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A text with a capital at its beginning.
pub(super) fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_in_the_web_become_links() {
        for (url, shown) in [
            ("https://grafana.example.com/d/1?x=<a>", Some("grafana.example.com")),
            ("HTTP://10.0.0.1:9090/graph", Some("10.0.0.1:9090")),
            ("https://example.com@evil.example/", Some("evil.example")),
            ("javascript:alert(1)//https://example.com", None),
            ("javascript://example.com/%0aalert(1)", None),
            ("data:text/html,<script>", None),
            ("https://", None),
            ("https:\\\\example.com", None),
            (" https://example.com", None),
            ("java\nscript://x", None),
            ("//example.com", None),
            ("/metrics", None),
        ] {
            assert_eq!(host(url), shown, "{url}");
        }
    }

    #[test]
    fn distances_are_in_one_unit_and_know_the_future() {
        let at = |second| Timestamp::from_second(second).unwrap();

        for (then, now, said) in [
            (100, 100, "just now"),
            (100, 101, "1 s ago"),
            (100, 159, "59 s ago"),
            (100, 160, "1 min ago"),
            (0, 3600, "1 h ago"),
            (0, 172_800, "2 days ago"),
            (400, 100, "in 5 min"),
        ] {
            assert_eq!(distance(at(then), at(now)), said);
        }
    }

    #[test]
    fn names_read_as_a_list() {
        assert_eq!(names(&[]), "nobody");
        assert_eq!(names(&["Ada"]), "Ada");
        assert_eq!(names(&["Ada", "Grace", "Linus"]), "Ada, Grace and Linus");
    }
}
