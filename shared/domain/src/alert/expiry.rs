//! How long an alert lasts unless its source says again that it fires.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What is found later than this after its time was not looked at while it could have been sent again: then we were
/// away, and its source has another chance.
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// How long that chance is at most.
const CHANCE: SignedDuration = SignedDuration::from_mins(10);

/// How long an alert lasts that only its source ends.
const NEVER_S: u32 = u32::MAX;

/// When such an alert is looked at again, so that the row goes once the alert is over.
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// When somebody has to look whether an alert goes on: beside the alert, so that a repeat does not touch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    /// How many seconds after it was last said it is over.
    pub after_s: u32,
    /// Whether it waits as long as the incident goes on that the alert belongs to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spares_incidents: bool,
    /// When to look.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub due: Timestamp,
}

/// What is to become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Look again then.
    Wait(Timestamp),
    /// The alert is over.
    Over,
}

impl Expiry {
    /// One for an alert that was received at a time.
    pub fn new(after_s: u32, spares_incidents: bool, received_at: Timestamp) -> Self {
        let due = received_at.saturating_add(SignedDuration::from_secs(after_s.into()));
        Self { after_s, spares_incidents, due: due.unwrap_or(Timestamp::MAX) }
    }

    /// The same, or one for an alert that only its source ends, looked at once it may have been quiet for long enough.
    pub fn sooner(known: Option<Self>, quiet_at: Timestamp) -> Self {
        let known = known.unwrap_or(Self { after_s: NEVER_S, spares_incidents: false, due: quiet_at });
        Self { due: known.due.min(quiet_at), ..known }
    }

    /// How long it lasts.
    pub fn after(&self) -> SignedDuration {
        SignedDuration::from_secs(self.after_s.into())
    }

    /// What is to become of an alert that was said last at a time; `in_incident` says whether its incident goes on.
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
