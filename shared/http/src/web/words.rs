//! Times, links and untrusted texts in the form in which pages show them.

use domain::Timestamp;
use domain::text::web_host;
use jiff::SignedDuration;
use maud::{Markup, html};

/// A time in UTC, followed by how long ago it was.
pub(super) fn time(at: Timestamp, now: Timestamp) -> Markup {
    html! {
        time datetime=(machine_time(at)) data-as="clock-ago" {
            (moment(at, now)) " " span.ago { "(" (distance(at, now)) ")" }
        }
    }
}

/// How long ago a time was. The time itself is shown on hover.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> Markup {
    html! { time datetime=(machine_time(at)) data-as="ago" title=(moment(at, now)) { (distance(at, now)) } }
}

/// The time at which a page was made, in UTC.
pub(super) fn page_time(at: Timestamp) -> Markup {
    html! { time data-now datetime=(machine_time(at)) data-as="clock" { (at.strftime("%H:%M:%S UTC").to_string()) } }
}

/// Something that is later than this is shown as overdue.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

/// The time until something is due, or how long it is overdue.
pub(super) fn due(at: Option<Timestamp>, now: Timestamp) -> Markup {
    let Some(at) = at else { return html! { "due now" } };
    let text = match now.duration_since(at) {
        late if late > TOLERANCE => format!("overdue by {}", length(late)),
        late if late < SignedDuration::ZERO => distance(at, now),
        _ => "due now".to_owned(),
    };
    html! { time datetime=(machine_time(at)) data-as="due" { (text) } }
}

/// How long ago a time was, followed by the time in UTC.
pub(super) fn ago_and_time(at: Timestamp, now: Timestamp) -> Markup {
    html! {
        time datetime=(machine_time(at)) data-as="ago-clock" {
            strong { (distance(at, now)) } " · " (moment(at, now))
        }
    }
}

/// A time in the format of the `datetime` attribute.
fn machine_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time in UTC, with only as much of the date as is needed.
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

/// The distance between a time and now, in one unit.
pub(super) fn distance(at: Timestamp, now: Timestamp) -> String {
    let apart = now.duration_since(at);
    if apart.as_secs() == 0 {
        return "just now".to_owned();
    }
    let length = length(apart.abs());
    if apart < SignedDuration::ZERO { format!("in {length}") } else { format!("{length} ago") }
}

/// A duration in its largest unit.
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

/// A text that a sender or a person wrote. It is escaped, and its writing direction does not affect the text around it.
pub(super) fn untrusted(text: &str) -> Markup {
    html! { bdi { (text) } }
}

/// A link to the page of an alert at its source. `None` if the address is not a valid HTTP or HTTPS address.
pub(super) fn source_link(url: Option<&str>) -> Option<Markup> {
    let (url, host) = url.and_then(|url| Some((url, web_host(url)?)))?;
    Some(html! { a.source href=(url) rel="noopener noreferrer nofollow" { "Open at " (untrusted(host)) } })
}

/// Joins names: `Ada`, `Ada and Grace`, `Ada, Grace and Linus`.
pub(super) fn join_names(names: &[&str]) -> String {
    match names {
        [] => "nobody".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Makes the first letter of a text a capital.
pub(super) fn capitalize(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_in_one_unit_and_can_be_in_the_future() {
        let at = |second| Timestamp::from_second(second).unwrap();

        for (then, now, text) in [
            (100, 100, "just now"),
            (100, 101, "1 s ago"),
            (100, 159, "59 s ago"),
            (100, 160, "1 min ago"),
            (0, 3600, "1 h ago"),
            (0, 172_800, "2 days ago"),
            (400, 100, "in 5 min"),
        ] {
            assert_eq!(distance(at(then), at(now)), text);
        }
    }

    #[test]
    fn names_are_joined_with_commas_and_and() {
        assert_eq!(join_names(&[]), "nobody");
        assert_eq!(join_names(&["Ada"]), "Ada");
        assert_eq!(join_names(&["Ada", "Grace", "Linus"]), "Ada, Grace and Linus");
    }
}
