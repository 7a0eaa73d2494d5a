//! Expiry: an alert resolves because its source has not repeated it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A check that is later than this was delayed by an outage of Firebell. The source could not repeat the alert meanwhile, so
/// that it has another chance.
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// How long that chance lasts at most.
const CHANCE: SignedDuration = SignedDuration::from_mins(10);

/// The duration of an alert that only its source resolves.
const NEVER_S: u32 = u32::MAX;

/// When such an alert is checked again, so that its row is deleted once the alert is resolved.
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// When an alert is checked for expiry. It is an item beside the alert, so that a repeated event does not write the
/// alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    /// How many seconds after its last event the alert expires.
    pub after_s: u32,
    /// Whether the alert does not expire while its incident is open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spares_incidents: bool,
    /// When the alert is checked.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub due: Timestamp,
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The alert is checked again at this time.
    Wait(Timestamp),
    /// The alert has expired.
    Over,
}

impl Expiry {
    /// The expiry of an alert whose event was received at a time.
    pub fn new(after_s: u32, spares_incidents: bool, received_at: Timestamp) -> Self {
        let due = received_at.saturating_add(SignedDuration::from_secs(after_s.into()));
        Self { after_s, spares_incidents, due: due.unwrap_or(Timestamp::MAX) }
    }

    /// Checks earlier: when a flapping alert may have been quiet for long enough. Without a known expiry, it is that of
    /// an alert that only its source resolves.
    pub fn sooner(known: Option<Self>, quiet_at: Timestamp) -> Self {
        let known = known.unwrap_or(Self { after_s: NEVER_S, spares_incidents: false, due: quiet_at });
        Self { due: known.due.min(quiet_at), ..known }
    }

    /// The duration after which the alert expires.
    pub fn after(&self) -> SignedDuration {
        SignedDuration::from_secs(self.after_s.into())
    }

    /// Decides about an alert whose last event was at a time; `in_incident` says whether its incident is open.
    pub fn verdict(&self, last: Timestamp, in_incident: bool, now: Timestamp) -> Verdict {
        let then = |at: Timestamp, after| at.saturating_add(after).unwrap_or(Timestamp::MAX);
        if self.after_s == NEVER_S {
            return Verdict::Wait(then(now, A_DAY));
        }
        let over = then(last, self.after());
        if now < over {
            return Verdict::Wait(over);
        }
        if self.spares_incidents && in_incident {
            return Verdict::Wait(then(now, self.after()));
        }
        if now.duration_since(self.due) > LATE {
            return Verdict::Wait(then(now, self.after().min(CHANCE)));
        }
        Verdict::Over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(n: i64) -> Timestamp {
        Timestamp::from_second(n).unwrap()
    }

    #[test]
    fn alert_lasts_as_long_as_it_is_said_again_and_gets_a_chance_after_we_were_away() {
        let lapse = Expiry::new(600, true, second(1000));
        let verdict = |last, in_incident, now| lapse.verdict(second(last), in_incident, second(now));

        assert_eq!(lapse.due, second(1600));
        assert_eq!(verdict(1000, false, 1600), Verdict::Over);
        assert_eq!(verdict(1001, false, 1600), Verdict::Wait(second(1601)));
        assert_eq!(verdict(1000, true, 1600), Verdict::Wait(second(2200)));
        assert_eq!(verdict(1000, false, 1900), Verdict::Over);
        assert_eq!(verdict(1000, false, 1901), Verdict::Wait(second(2501)));
        let short = Expiry::new(60, false, second(1000));
        assert_eq!(short.verdict(second(1000), true, second(1060)), Verdict::Over);
        assert_eq!(short.verdict(second(1000), true, second(9999)), Verdict::Wait(second(10_059)));
    }
}
