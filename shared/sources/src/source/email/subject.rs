//! What the subject of a mail says: a state, in the ways of monitoring systems, and what it is about.

use domain::alert::AlertStatus;

/// Words for what began, of those that are followed by one for its end: a mail that says `FAILED` each night and never
/// that it is well again pages each night.
const FIRING: &[&str] = &[
    "problem",
    "firing",
    "down",
    "critical",
    "crit",
    "warning",
    "warn",
    "alarm",
    "alerting",
    "triggered",
    "unknown",
];

/// Words for what is over.
const OVER: &[&str] =
    &["resolved", "recovery", "recovered", "ok", "up", "closed", "cleared", "clear", "normal"];

/// What a subject says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Subject {
    /// The state, if it says one.
    pub(super) state: Option<AlertStatus>,
    /// What is left without it, the same for every state of one thing.
    pub(super) about: String,
}

/// Reads a subject.
///
/// A word counts as a state where somebody wrote it as one: in brackets, in capitals, or before a colon at the
/// beginning. "The roof is on fire, all up to date" says none. Of several, the first counts.
pub(super) fn read(subject: &str) -> Subject {
    let subject = without_replies(subject);
    let mut state = None;
    let mut about: Vec<&str> = Vec::new();
    let mut brackets = 0_u32;
    let leading = subject.find([':', '|']).map_or("", |end| &subject[..end]);
    let mut at = 0;
    for piece in subject.split_inclusive(|c: char| !is_part(c)) {
        let word = piece.trim_end_matches(|c: char| !is_part(c));
        let begins = at;
        at += piece.len();
        // How many fire, or for how long something did, belongs to the state.
        let named = word.split(':').next().unwrap_or_default();
        let leads = begins + word.trim_end_matches(':').len() <= leading.len() && is_lead(leading);
        let shouted = named.chars().any(char::is_alphabetic) && !named.chars().any(char::is_lowercase);
        let said = (shouted || brackets > 0 || leads).then(|| state_of(named)).flatten();
        match said {
            Some(said) => state = state.or(Some(said)),
            None if !leads && word.chars().any(char::is_alphanumeric) => about.push(word),
            None => {}
        }
        match piece.chars().last() {
            Some('[') => brackets += 1,
            Some(']') => brackets = brackets.saturating_sub(1),
            _ => {}
        }
    }
    let about = about.join(" ").to_lowercase();
    Subject { state, about: about.trim().to_owned() }
}

/// What belongs to a word; a colon does, so that `FIRING:2` is one.
fn is_part(c: char) -> bool {
    !c.is_whitespace() && !"[]()*|,;\"'".contains(c)
}

/// Whether what stands before the first colon is a state and little else, such as `Resolved in 5m 2s`.
fn is_lead(leading: &str) -> bool {
    let mut words = leading.split_whitespace();
    let first = words.next().unwrap_or_default();
    let duration = |word: &str| word == "in" || word.starts_with(|c: char| c.is_ascii_digit());
    state_of(first).is_some() && words.all(duration)
}

/// The state that a word is for.
fn state_of(word: &str) -> Option<AlertStatus> {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    match word.as_str() {
        word if OVER.contains(&word) => Some(AlertStatus::Resolved),
        word if FIRING.contains(&word) => Some(AlertStatus::Firing),
        _ => None,
    }
}

/// The subject without what mail programs put before it.
fn without_replies(mut subject: &str) -> &str {
    loop {
        subject = subject.trim_start();
        let Some((before, rest)) = subject.split_once(':') else { return subject };
        if !["re", "fw", "fwd", "aw", "wg"].contains(&before.trim().to_lowercase().as_str()) {
            return subject;
        }
        subject = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a sender writes when something begins, and when it is over.
    const PAIRS: &[(&str, &str)] = &[
        ("[FIRING:2] HighLatency shop (api eu-west-1)", "[RESOLVED] HighLatency shop (api eu-west-1)"),
        (
            "** PROBLEM Service Alert: web-1/HTTP is CRITICAL **",
            "** RECOVERY Service Alert: web-1/HTTP is OK **",
        ),
        ("** PROBLEM Host Alert: web-1 is DOWN **", "** RECOVERY Host Alert: web-1 is UP **"),
        ("ALARM: \"cpu of shop\" in EU (Ireland)", "OK: \"cpu of shop\" in EU (Ireland)"),
        ("Problem: High CPU on web-1", "Resolved in 5m 2s: High CPU on web-1"),
        ("Problem: High CPU on web-1", "Resolved: High CPU on web-1"),
        ("Monitor is DOWN: shop", "Monitor is UP: shop"),
        ("[shop] [🔴 Down]", "[shop] [✅ Up]"),
        ("[Alerting] Queue is long", "[OK] Queue is long"),
        ("[Triggered] Disk on {host:web-1}", "[Recovered] Disk on {host:web-1}"),
        ("DOWN | nightly backup", "UP | nightly backup"),
        ("Re: DOWN alert: shop is DOWN", "Fwd: re: UP alert: shop is UP"),
    ];

    #[test]
    fn begin_and_end_of_one_thing_are_about_the_same() {
        for (begun, over) in PAIRS {
            let (begun, over) = (read(begun), read(over));
            assert_eq!(begun.state, Some(AlertStatus::Firing), "{begun:?}");
            assert_eq!(over.state, Some(AlertStatus::Resolved), "{over:?}");
            assert_eq!(begun.about, over.about);
            assert!(!begun.about.is_empty());
        }
    }

    #[test]
    fn word_that_is_no_state_where_it_stands_says_none() {
        for subject in [
            "Backup failed",
            "All is up to date",
            "Weekly report: 3 problems, all resolved",
            "ok",
            "",
            "Disk",
            "Please look up the warning signs",
            "Re: open questions",
        ] {
            assert_eq!(read(subject).state, None, "{subject}");
        }
    }
}
