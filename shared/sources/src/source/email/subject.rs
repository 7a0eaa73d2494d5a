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

/// Words of [`OVER`] that state the end also in lower case, in front of the first colon.
const OVER_IN_ANY_CASE: &[&str] = &["resolved", "recovery", "recovered"];

/// Words that turn a state into its opposite.
const NEGATIONS: &[&str] = &["not", "no", "never", "isn't", "isnt", "wasn't", "without", "un"];

/// A parsed subject.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Subject {
    /// The state, if the subject states one.
    pub(super) state: Option<AlertStatus>,
    /// The rest of the subject without the state. It is the same when the alert fires and when it resolves.
    pub(super) about: String,
    /// Whether it is the subject of a reply. A forwarded email is no reply.
    pub(super) is_reply: bool,
}

/// Parses a subject.
///
/// A word counts as a state only if it is written as one: in brackets, in capitals, or in front of a colon at the start
/// of the subject. "The roof is on fire, all up to date" states no state. The first of several states counts.
///
/// A resolved state counts only if the whole subject has the form of a known sender ([`is_known_end`]), because a
/// wrong end costs a notification, and a wrong alert does not.
pub(super) fn parse(subject: &str) -> Subject {
    let (subject, is_reply) = without_prefixes(subject);
    let (first, about) = stated(subject);
    let state = match first {
        Some(_) if is_check_mk(subject) => Some(last_state(subject)),
        Some(AlertStatus::Resolved) => is_known_end(subject).then_some(AlertStatus::Resolved),
        other => other,
    };
    Subject { state, about, is_reply }
}

/// The first state in a subject, and the rest of it.
fn stated(subject: &str) -> (Option<AlertStatus>, String) {
    let mut state = None;
    let mut about: Vec<&str> = Vec::new();
    let mut brackets = 0_u32;
    let leading = leading(subject);
    let mut at = 0;
    for piece in subject.split_inclusive(|c: char| !is_part(c)) {
        let word = piece.trim_end_matches(|c: char| !is_part(c));
        let begins = at;
        at += piece.len();
        // The number of firing alerts and the duration are part of the state.
        let named = word.split(':').next().unwrap_or_default();
        let leads = begins + word.trim_end_matches(':').len() <= leading.len() && is_lead(leading);
        let stated = (is_upper_case(named) || brackets > 0 || leads).then(|| state_of(named)).flatten();
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
    (state, about.join(" ").to_lowercase().trim().to_owned())
}

/// The text in front of the first colon or vertical bar.
fn leading(subject: &str) -> &str {
    subject.find([':', '|']).map_or("", |end| &subject[..end])
}

/// Whether a resolved subject has the form of a known sender, and nothing in it says the opposite.
fn is_known_end(subject: &str) -> bool {
    // Nagios: `** RECOVERY Service Alert: db-1/Disk is OK **`. Pingdom: `UP alert: shop is UP`.
    let words: Vec<&str> = subject.split_whitespace().filter(|word| *word != "**").collect();
    if let [first, kinds @ .., "is", last] = &words[..]
        && is_over(first)
        && is_upper_case(first)
        && is_over(last)
        && kinds.iter().any(|word| word.eq_ignore_ascii_case("alert:"))
    {
        return !contradicts(&words[1..words.len() - 1].join(" "));
    }
    // Alertmanager, Grafana, Datadog, Icinga and Uptime Kuma: `[RESOLVED] …`, `[OK] …`, `[shop] [✅ Up] …`.
    let mut rest = subject.trim_start();
    while let Some((group, after)) = leading_group(rest) {
        rest = after;
        let mut words = group.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric));
        let word = words.next().unwrap_or_default();
        if words.next().is_none() && is_over(word.split(':').next().unwrap_or_default()) {
            return !contradicts(rest);
        }
    }
    // UptimeRobot: `Monitor is UP: shop`.
    if let Some(after) = rest.strip_prefix("Monitor is UP:") {
        return !contradicts(after);
    }
    // CloudWatch, Zabbix, Healthchecks and Datadog: `OK: …`, `Resolved in 5m 2s: …`, `UP | …`, `Recovered: …`.
    let lead = leading(rest);
    let word = lead.split_whitespace().next().unwrap_or_default();
    let in_any_case = OVER_IN_ANY_CASE.iter().any(|over| over.eq_ignore_ascii_case(word));
    is_lead(lead)
        && is_over(word)
        && (in_any_case || is_upper_case(word))
        && !contradicts(&rest[lead.len()..])
}

/// The text in brackets at the beginning, and the text after it.
fn leading_group(text: &str) -> Option<(&str, &str)> {
    let (group, after) = text.strip_prefix('[')?.split_once(']')?;
    Some((group, after.trim_start()))
}

/// Whether the rest of a resolved subject says that something is not over: another state, a change of the state, or a
/// negation of a state.
fn contradicts(rest: &str) -> bool {
    let is_firing =
        |word: &str| state_of(word.split(':').next().unwrap_or_default()) == Some(AlertStatus::Firing);
    let words: Vec<&str> = rest.split(|c: char| !is_part(c)).filter(|word| !word.is_empty()).collect();
    let states_another = words.iter().any(|word| is_upper_case(word) && is_firing(word));
    let is_arrow = |word: &str| matches!(word, "->" | "=>" | "→" | "-->" | "➜" | ">");
    let changes = words
        .windows(3)
        .any(|three| is_arrow(three[1]) && (state_of(three[0]).is_some() || state_of(three[2]).is_some()));
    let is_negation = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        NEGATIONS.contains(&&*word)
    };
    let negates =
        words.windows(3).any(|three| is_negation(three[0]) && (is_over(three[1]) || is_over(three[2])));
    let ends_negated =
        words.last_chunk().is_some_and(|[before, last]: &[&str; 2]| is_negation(before) && is_over(last));
    states_another || changes || negates || ends_negated
}

/// Whether a subject is one of Checkmk, which states the old and the new state: `Check_MK: db-1/Disk OK -> CRIT`.
fn is_check_mk(subject: &str) -> bool {
    let name: String = leading(subject).chars().filter(char::is_ascii_alphabetic).collect();
    let words: Vec<&str> = subject.split_whitespace().collect();
    let arrow = words.iter().rposition(|word| matches!(*word, "->" | "→"));
    name.eq_ignore_ascii_case("checkmk") && arrow.is_some_and(|at| at + 2 == words.len())
}

/// The new state in a subject of Checkmk. An unknown state fires.
fn last_state(subject: &str) -> AlertStatus {
    let last = subject.split_whitespace().next_back();
    last.and_then(state_of).unwrap_or(AlertStatus::Firing)
}

/// Whether a word is written in capitals.
fn is_upper_case(word: &str) -> bool {
    word.chars().any(char::is_alphabetic) && !word.chars().any(char::is_lowercase)
}

/// Whether a word stands for a resolved state.
fn is_over(word: &str) -> bool {
    state_of(word) == Some(AlertStatus::Resolved)
}

/// Whether a character is part of a word. A colon is, so that `FIRING:2` is one word.
fn is_part(c: char) -> bool {
    !c.is_whitespace() && !"[]()*|,;\"'".contains(c)
}

/// Whether the text in front of the first colon is a state, such as `Resolved` or `Resolved in 5m 2s`.
fn is_lead(leading: &str) -> bool {
    let mut leading = leading.trim_start();
    while let Some((_, after)) = leading_group(leading) {
        leading = after;
    }
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

/// The subject without the prefixes that mail programs add for replies and forwarded emails, and whether it is a reply.
fn without_prefixes(mut subject: &str) -> (&str, bool) {
    let mut is_reply = false;
    loop {
        subject = subject.trim_start();
        let Some((prefix, rest)) = subject.split_once(':') else { return (subject, is_reply) };
        match prefix.trim().to_lowercase().as_str() {
            "re" | "aw" => is_reply = true,
            "fw" | "fwd" | "wg" => {}
            _ => return (subject, is_reply),
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
        ("Check_MK: db-1/Disk OK -> CRIT", "Check_MK: db-1/Disk CRIT -> OK"),
        ("Checkmk: db-1 UP -> DOWN", "Checkmk: db-1 DOWN -> UP"),
        ("[PROBLEM] Disk on db-1 is CRITICAL!", "[RECOVERY] Disk on db-1 is OK!"),
        ("[Monitor Alert] Triggered: Errors on shop", "[Monitor Alert] Recovered: Errors on shop"),
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
    fn reply_is_known_by_its_prefix() {
        for (subject, expected) in [
            ("Re: Disk full", true),
            ("fwd: AW: Disk full", true),
            ("Fwd: Disk full", false),
            ("Disk full", false),
            ("  Disk: full", false),
        ] {
            assert_eq!(parse(subject).is_reply, expected, "{subject}");
        }
    }

    #[test]
    fn end_is_believed_only_in_a_known_form() {
        for subject in [
            "Backup NOT OK on db-1",
            "HTTP 200 OK but keyword missing on shop",
            "db-1/Disk OK -> CRIT",
            "Disk OK on db-1",
            "OK: backup NOT OK",
            "OK: backup is not ok",
            "OK: disk of db-1 OK -> CRIT",
            "[OK] disk of db-1: ok → critical",
            "[RESOLVED] shop is DOWN",
            "[RESOLVED] [FIRING:1] shop",
            "Resolved: not yet recovered",
            "UP alert: shop is not UP",
            "** RECOVERY Service Alert: db-1/Disk is CRITICAL **",
            "RECOVERY FAILED: db-1",
            "UP TO DATE: no",
            "Closed: road to the data center",
            "Up: load on db-1",
            "[OK to restart?] db-1",
            "Monitor is UP: shop is DOWN",
            "Check_MK: db-1/Disk OK -> CRIT",
            "Check_MK: db-1/Disk OK -> UNREACHABLE",
        ] {
            assert_ne!(parse(subject).state, Some(AlertStatus::Resolved), "{subject}");
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
