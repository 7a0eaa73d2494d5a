//! Flapping: alerts that fire and resolve repeatedly stay firing until they have been quiet for a while.
//!
//! A firing is never held back. Only resolutions are, so that the next firing does not open a new alert.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::id::EventId;

/// How many resolutions within [`QUIET`] count as flapping; the last of them is held back.
const ENDS: usize = 4;

/// How long an alert must not resolve until it no longer flaps.
pub const QUIET: SignedDuration = SignedDuration::from_mins(10);

/// The newest resolutions of a key, and whether it flaps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flaps {
    /// When the newest resolutions were received, in milliseconds; at most [`ENDS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ends: Vec<i64>,
    /// Whether it flapped at the newest resolution.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    flapping: bool,
    /// The resolution that is held back, unless the alert fired since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held: Option<EventId>,
}

impl Flaps {
    /// Says whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// When the alert will have been quiet for long enough; `None` if it has never resolved.
    pub fn quiet_at(&self) -> Option<Timestamp> {
        let last = Timestamp::from_millisecond(*self.ends.iter().max()?).ok()?;
        Some(last.saturating_add(QUIET).unwrap_or(Timestamp::MAX))
    }

    /// Says whether it flaps.
    pub fn goes_on(&self, now: Timestamp) -> bool {
        self.flapping && self.quiet_at().is_some_and(|quiet| now < quiet)
    }

    /// The resolution that is held back, if nothing came since.
    pub(super) fn held(&self) -> Option<EventId> {
        self.held
    }

    /// Says whether a resolution received at that time is held back.
    pub(super) fn holds(&self, at: Timestamp) -> bool {
        self.goes_on(at) || self.recent(at).count() + 1 >= ENDS
    }

    /// The state after a resolution that is not held back.
    pub(super) fn ended(&self, at: Timestamp) -> Self {
        let mut ends: Vec<i64> = self.recent(at).collect();
        ends.push(at.as_millisecond());
        ends.drain(..ends.len().saturating_sub(ENDS));
        Self { ends, flapping: self.goes_on(at), held: None }
    }

    /// The state after a resolution that is held back. While one is held back, another one changes nothing.
    pub(super) fn holding(&self, event: EventId, at: Timestamp, is_held: bool) -> Self {
        let known = if is_held { self.clone() } else { self.ended(at) };
        Self { flapping: true, held: Some(event), ..known }
    }

    /// The state after a firing.
    pub(super) fn fired(&self) -> Self {
        Self { held: None, ..self.clone() }
    }

    /// The resolutions within [`QUIET`] before a time.
    fn recent(&self, at: Timestamp) -> impl Iterator<Item = i64> {
        let from = at.saturating_sub(QUIET).unwrap_or(Timestamp::MIN).as_millisecond();
        self.ends.iter().copied().filter(move |end| *end > from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(n: i64) -> Timestamp {
        Timestamp::from_second(60 * n).unwrap()
    }

    #[test]
    fn fourth_end_in_ten_minutes_is_held_and_so_is_each_until_it_was_quiet() {
        let three = [0, 1, 2].into_iter().fold(Flaps::default(), |flaps, n| flaps.ended(minute(n)));
        assert!(three.holds(minute(3)) && !three.holds(minute(10)));

        let flaps = three.holding(EventId::new(minute(3), 1), minute(3), false).fired();

        assert!(flaps.goes_on(minute(12)) && flaps.holds(minute(12)));
        assert!(!flaps.goes_on(minute(13)) && !flaps.holds(minute(13)));
        let slow = flaps.holding(EventId::new(minute(12), 2), minute(12), false);
        assert_eq!(slow.quiet_at(), Some(minute(22)));
        // The same end once more is no other.
        assert_eq!(slow.holding(EventId::new(minute(15), 3), minute(15), true).quiet_at(), Some(minute(22)));
    }

    #[test]
    fn number_of_ends_that_are_kept_has_a_bound() {
        let flaps = (0..100).fold(Flaps::default(), |flaps, _| flaps.ended(minute(1)));

        assert_eq!(flaps.ends.len(), ENDS);
    }
}
