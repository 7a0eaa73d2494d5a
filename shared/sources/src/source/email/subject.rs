//! Parsing of email subjects: the state, as monitoring systems write it, and the rest, which identifies the alert.

use domain::alert::AlertStatus;

/// Words for a firing state. Only words that monitoring systems follow with a resolved state are listed: a backup that
/// sends `FAILED` each night and never `OK` must fire a new alert each night.
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

/// Words for a resolved state.
const OVER: &[&str] =
    &["resolved", "recovery", "recovered", "ok", "up", "closed", "cleared", "clear", "normal"];

/// A parsed subject.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Subject {
    /// The state, if the subject states one.
    pub(super) state: Option<AlertStatus>,
    /// The rest of the subject without the state. It is the same when the alert fires and when it resolves.
    pub(super) about: String,
}

/// Parses a subject.
///
/// A word counts as a state only if it is written as one: in brackets, in capitals, or in front of a colon at the start
/// of the subject. "The roof is on fire, all up to date" states no state. The first of several states counts.
pub(super) fn parse(subject: &str) -> Subject {
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
        // The number of firing alerts and the duration are part of the state.
        let named = word.split(':').next().unwrap_or_default();
        let leads = begins + word.trim_end_matches(':').len() <= leading.len() && is_lead(leading);
        let is_upper_case = named.chars().any(char::is_alphabetic) && !named.chars().any(char::is_lowercase);
        let stated = (is_upper_case || brackets > 0 || leads).then(|| state_of(named)).flatten();
        match stated {
            Some(stated) => state = state.or(Some(stated)),
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

/// Whether a character is part of a word. A colon is, so that `FIRING:2` is one word.
fn is_part(c: char) -> bool {
    !c.is_whitespace() && !"[]()*|,;\"'".contains(c)
}

/// Whether the text in front of the first colon is a state, such as `Resolved` or `Resolved in 5m 2s`.
fn is_lead(leading: &str) -> bool {
    let mut words = leading.split_whitespace();
    let first = words.next().unwrap_or_default();
    let duration = |word: &str| word == "in" || word.starts_with(|c: char| c.is_ascii_digit());
    state_of(first).is_some() && words.all(duration)
}

/// The state that a word stands for.
fn state_of(word: &str) -> Option<AlertStatus> {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    match word.as_str() {
        word if OVER.contains(&word) => Some(AlertStatus::Resolved),
        word if FIRING.contains(&word) => Some(AlertStatus::Firing),
        _ => None,
    }
}

/// The subject without the prefixes that mail programs add for replies and forwarded emails.
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

    /// Subjects of one sender, when an alert fires and when it resolves.
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
    fn firing_and_resolved_subjects_of_one_alert_have_the_same_rest() {
        for (begun, over) in PAIRS {
            let (begun, over) = (parse(begun), parse(over));
            assert_eq!(begun.state, Some(AlertStatus::Firing), "{begun:?}");
            assert_eq!(over.state, Some(AlertStatus::Resolved), "{over:?}");
            assert_eq!(begun.about, over.about);
            assert!(!begun.about.is_empty());
        }
    }

    #[test]
    fn words_that_are_not_written_as_a_state_are_ignored() {
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
            assert_eq!(parse(subject).state, None, "{subject}");
        }
    }
}
