//! What one delivery means for its deduplication key. The order of events is decided here and nowhere else.
//!
//! Events arrive at least once, late and in any order. They are ordered by event time, then by event id, so that a
//! repeated message is never newer than itself. When in doubt, the answer is the one that pages.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::AlertStatus;
use crate::id::{AlertId, EventId};

/// Past this much time between receptions, the order of reception counts and not the sender's clock.
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// The same for a firing of an episode that its own source has ended: no sender says twice of one that it fires, a
/// minute after it said that it is over, unless it does so again.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// What is known of a deduplication key: its newest event, and the alert of its newest episode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    /// The status that the newest event left.
    pub status: AlertStatus,
    /// Counts the writes; a writer that decided on an older row conflicts.
    pub version: u64,
    /// The newest episode's alert; none for a tombstone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<AlertId>,
    /// The newest event.
    pub event: EventId,
    /// The time of the newest event.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub at: Timestamp,
    /// When the newest event was received.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub received_at: Timestamp,
    /// The hash of what the alert shows.
    pub content: String,
    /// How many events were seen, at least.
    pub count: u64,
    /// Whether somebody ended the alert by hand, so that its source may well go on saying that it fires.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_hand: bool,
    /// When the episode that goes on began; none once it is over, or where an older version has opened it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub since: Option<Timestamp>,
    /// The newest end that is known.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub over_at: Option<Timestamp>,
}

/// What matters of an event for the decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The event.
    pub event: EventId,
    /// Firing or resolved.
    pub status: AlertStatus,
    /// The event time, not after reception.
    pub at: Timestamp,
    /// When it was received.
    pub received_at: Timestamp,
    /// The hash of what it shows.
    pub content: String,
}

/// What is to be done with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// A new episode begins: a new alert, and somebody is paged.
    Open,
    /// The firing was over before it came: an alert born resolved that pages nobody.
    OpenOver,
    /// A resolve of something never seen: remembered, so that an older firing pages nobody.
    Bury,
    /// The alert goes on and says the same.
    Touch,
    /// The alert goes on and says something new.
    Refresh,
    /// The alert is over.
    Resolve(AlertId),
    /// The alert was over and fires again, which came first: whoever acknowledged it before does not know.
    Between(AlertId),
    /// Nothing new: a repeated message, or one that newer events have overtaken.
    Stale,
}

impl KeyRow {
    /// Says whether the event is newer than the newest one known.
    fn is_older_than(&self, arrival: &Arrival) -> bool {
        (self.at, self.event) < (arrival.at, arrival.event)
            || arrival.received_at.duration_since(self.received_at) > self.late(arrival.status)
    }

    /// Past how much time between receptions an event of this status is newer whatever its sender's clock says.
    fn late(&self, status: AlertStatus) -> SignedDuration {
        let again = (self.status, status) == (AlertStatus::Resolved, AlertStatus::Firing);
        if again && self.alert.is_some() && !self.by_hand { AGAIN } else { LATE }
    }

    /// The row after this event; the status is the event's, and times never go back.
    pub fn after(known: Option<&Self>, arrival: &Arrival, alert: Option<AlertId>) -> Self {
        // An event that counts in spite of its own time takes the time of its reception.
        let at = known.map_or(arrival.at, |row| {
            if arrival.at < row.at { arrival.received_at.max(row.at) } else { arrival.at }
        });
        let goes_on = known.filter(|row| row.status == AlertStatus::Firing);
        let (since, over_at) = match arrival.status {
            AlertStatus::Firing => {
                (goes_on.map_or(Some(at), |row| row.since), known.and_then(|row| row.over_at))
            }
            AlertStatus::Resolved => (None, Some(at)),
        };
        Self {
            status: arrival.status,
            version: known.map_or(1, |row| row.version + 1),
            alert,
            event: arrival.event,
            at,
            received_at: known.map_or(arrival.received_at, |row| row.received_at.max(arrival.received_at)),
            content: arrival.content.clone(),
            count: known.map_or(1, |row| row.count + 1),
            by_hand: false,
            since,
            over_at,
        }
    }
}

impl KeyRow {
    /// The row once somebody has resolved its alert by hand.
    pub fn closed(&self, now: Timestamp) -> Self {
        Self {
            status: AlertStatus::Resolved,
            version: self.version + 1,
            at: self.at.max(now),
            received_at: self.received_at.max(now),
            by_hand: true,
            since: None,
            over_at: Some(self.at.max(now)),
            ..self.clone()
        }
    }

    /// The row once an end is known that the newest firing has overtaken.
    pub fn with_end(&self, at: Timestamp) -> Self {
        Self { version: self.version + 1, over_at: Some(at), ..self.clone() }
    }

    /// Says whether something ended after this episode began and before it fired last, which nobody knew of.
    fn was_over(&self, arrival: &Arrival) -> bool {
        self.since.is_some_and(|since| since <= arrival.at && arrival.at < self.at)
            && self.over_at.is_none_or(|known| known < arrival.at)
    }
}

/// Decides what one event means, given what is known of its key.
pub fn decide(known: Option<&KeyRow>, arrival: &Arrival) -> Decision {
    use AlertStatus::{Firing, Resolved};

    let Some(row) = known else {
        return match arrival.status {
            Firing => Decision::Open,
            Resolved => Decision::Bury,
        };
    };
    let newer = row.is_older_than(arrival);
    match (row.status, arrival.status) {
        (Firing, Firing) if !newer => Decision::Stale,
        (Firing, Firing) if row.content == arrival.content => Decision::Touch,
        (Firing, Firing) => Decision::Refresh,
        (Firing, Resolved) => match row.alert {
            Some(alert) if newer => Decision::Resolve(alert),
            Some(alert) if row.was_over(arrival) => Decision::Between(alert),
            Some(_) | None => Decision::Stale,
        },
        (Resolved, Resolved) if newer => Decision::Bury,
        (Resolved, Resolved) => Decision::Stale,
        (Resolved, Firing) if newer => Decision::Open,
        (Resolved, Firing) if row.alert.is_none() => Decision::OpenOver,
        (Resolved, Firing) => Decision::Stale,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn second(n: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + n).unwrap()
    }

    fn event(n: u128) -> EventId {
        EventId::new(Timestamp::UNIX_EPOCH, n)
    }

    fn alert() -> AlertId {
        AlertId::new(Timestamp::UNIX_EPOCH, 1)
    }

    fn arrival(n: u128, status: AlertStatus, at: i64, received: i64, content: &str) -> Arrival {
        Arrival {
            event: event(n),
            status,
            at: second(at).min(second(received)),
            received_at: second(received),
            content: content.to_owned(),
        }
    }

    fn row(status: AlertStatus, at: i64, received: i64, alert: Option<AlertId>) -> KeyRow {
        KeyRow::after(None, &arrival(5, status, at, received, "a"), alert)
    }

    #[test]
    fn each_event_is_decided_by_the_newest_one_known() {
        use AlertStatus::{Firing, Resolved};
        let open = || Some(row(Firing, 100, 101, Some(alert())));
        let over = || Some(row(Resolved, 200, 201, Some(alert())));
        let by_hand = || Some(row(Firing, 100, 101, Some(alert())).closed(second(201)));
        let again = || {
            let first = row(Firing, 100, 101, Some(alert()));
            Some(KeyRow::after(Some(&first), &arrival(8, Firing, 300, 301, "b"), Some(alert())))
        };
        let known = || Some(again().unwrap().with_end(second(150)));
        let tomb = || Some(row(Resolved, 200, 201, None));
        let cases = [
            ("first firing", None, arrival(9, Firing, 1, 1, "a"), Decision::Open),
            ("resolve never seen before", None, arrival(9, Resolved, 1, 1, "a"), Decision::Bury),
            ("same again", open(), arrival(9, Firing, 100, 130, "a"), Decision::Touch),
            ("something new to say", open(), arrival(9, Firing, 100, 130, "b"), Decision::Refresh),
            ("older words late", open(), arrival(4, Firing, 90, 130, "b"), Decision::Stale),
            ("the same message twice", open(), arrival(5, Firing, 100, 101, "a"), Decision::Stale),
            ("resolve", open(), arrival(9, Resolved, 150, 151, "a"), Decision::Resolve(alert())),
            (
                "resolve that the next firing overtook",
                again(),
                arrival(9, Resolved, 150, 351, "a"),
                Decision::Between(alert()),
            ),
            ("the same once more", known(), arrival(9, Resolved, 150, 351, "a"), Decision::Stale),
            ("resolve of an episode before", again(), arrival(9, Resolved, 50, 351, "a"), Decision::Stale),
            ("resolve older than the firing", open(), arrival(9, Resolved, 50, 151, "a"), Decision::Stale),
            (
                "resolve of a sender in 1970, long after",
                open(),
                arrival(9, Resolved, -1_800_000_000, 500, "a"),
                Decision::Resolve(alert()),
            ),
            ("fires again", over(), arrival(9, Firing, 300, 301, "a"), Decision::Open),
            ("old firing late", over(), arrival(9, Firing, 100, 210, "a"), Decision::Stale),
            (
                "old firing of its own time, received later",
                over(),
                arrival(9, Firing, 100, 502, "a"),
                Decision::Open,
            ),
            (
                "fires again as it did, in a minute",
                over(),
                arrival(9, Firing, 100, 261, "a"),
                Decision::Stale,
            ),
            ("fires again as it did, later", over(), arrival(9, Firing, 100, 262, "a"), Decision::Open),
            ("still fires at its source", by_hand(), arrival(9, Firing, 100, 500, "a"), Decision::Stale),
            ("still fires, long after", by_hand(), arrival(9, Firing, 100, 502, "a"), Decision::Open),
            (
                "firing some minutes after a tombstone",
                tomb(),
                arrival(9, Firing, 100, 501, "a"),
                Decision::OpenOver,
            ),
            ("firing older than a tombstone", tomb(), arrival(9, Firing, 100, 210, "a"), Decision::OpenOver),
            ("firing newer than a tombstone", tomb(), arrival(9, Firing, 201, 210, "a"), Decision::Open),
            ("firing long after a tombstone", tomb(), arrival(9, Firing, 100, 502, "a"), Decision::Open),
            ("resolved again, later", over(), arrival(9, Resolved, 220, 221, "a"), Decision::Bury),
            ("resolved again, earlier", over(), arrival(9, Resolved, 190, 221, "a"), Decision::Stale),
        ];
        for (name, known, arrival, expected) in cases {
            assert_eq!(decide(known.as_ref(), &arrival), expected, "{name}");
        }
    }

    #[test]
    fn sender_in_2099_is_held_to_the_time_of_reception() {
        let firing = arrival(9, AlertStatus::Firing, 2_000_000_000, 10, "a");

        assert_eq!(firing.at, second(10));
    }

    /// Applies decisions to a row, as the store does, and counts the pages.
    fn apply(known: Option<KeyRow>, arrival: &Arrival, pages: &mut usize) -> Option<KeyRow> {
        match decide(known.as_ref(), arrival) {
            Decision::Open => {
                *pages += 1;
                Some(KeyRow::after(known.as_ref(), arrival, Some(alert())))
            }
            Decision::OpenOver => {
                let row = known.unwrap();
                Some(KeyRow { alert: Some(alert()), version: row.version + 1, ..row })
            }
            Decision::Bury | Decision::Touch | Decision::Refresh | Decision::Resolve(_) => {
                let alert = known.as_ref().and_then(|row| row.alert);
                Some(KeyRow::after(known.as_ref(), arrival, alert))
            }
            Decision::Between(_) => Some(known.unwrap().with_end(arrival.at)),
            Decision::Stale => known,
        }
    }

    proptest! {
        /// Whatever the order and however often each comes, the newest event decides how it ends.
        #[test]
        fn newest_event_decides_the_end(
            statuses in proptest::collection::vec(any::<bool>(), 1..8),
            order in proptest::collection::vec(any::<prop::sample::Index>(), 1..30),
        ) {
            let events: Vec<Arrival> = statuses
                .iter()
                .enumerate()
                .map(|(n, firing)| {
                    let status = if *firing { AlertStatus::Firing } else { AlertStatus::Resolved };
                    let time = i64::try_from(n).unwrap();
                    arrival(n as u128, status, time, time, "a")
                })
                .collect();
            let mut row = None;
            let mut pages = 0;
            let mut seen = Vec::new();
            for index in &order {
                let event = index.get(&events);
                seen.push(event.clone());
                row = apply(row, event, &mut pages);
            }
            let newest = seen.iter().max_by_key(|event| event.at).unwrap();
            prop_assert_eq!(row.as_ref().unwrap().status, newest.status);
            if newest.status == AlertStatus::Firing {
                prop_assert!(pages > 0, "a firing that nothing newer ended was never paged");
            }
        }

        /// The same events again change nothing and page nobody.
        #[test]
        fn repeating_every_event_changes_nothing(statuses in proptest::collection::vec(any::<bool>(), 1..8)) {
            let events: Vec<Arrival> = statuses
                .iter()
                .enumerate()
                .map(|(n, firing)| {
                    let status = if *firing { AlertStatus::Firing } else { AlertStatus::Resolved };
                    let time = i64::try_from(n / 2).unwrap();
                    arrival(n as u128, status, time, time, "a")
                })
                .collect();
            let mut row = None;
            let mut pages = 0;
            for event in &events {
                row = apply(row, event, &mut pages);
            }
            let (once, paged) = (row.clone(), pages);
            for event in &events {
                row = apply(row, event, &mut pages);
            }
            prop_assert_eq!(row, once);
            prop_assert_eq!(pages, paged);
        }
    }
}
