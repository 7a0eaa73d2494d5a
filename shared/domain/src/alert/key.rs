//! What one delivery means for its deduplication key. The order of events is decided here and nowhere else.
//!
//! Events arrive at least once, late and in any order. They are ordered by event time, then by event id, so that a
//! repeated message is never newer than itself. When in doubt, the answer is the one that pages.

use jiff::{SignedDuration, Timestamp};
use machine::Stateful;
use serde::{Deserialize, Serialize};

use super::flap::Flaps;
use super::{Alert, AlertState, AlertStatus};
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
    /// Its newest ends, should it flap.
    #[serde(default, skip_serializing_if = "Flaps::is_empty")]
    pub flaps: Flaps,
}

/// What matters of an event for the decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFacts {
    /// The event.
    pub event: EventId,
    /// Firing or resolved.
    pub status: AlertStatus,
    /// The event time, not after reception.
    pub at: Timestamp,
    /// When it was received.
    pub received_at: Timestamp,
    /// When what it tells of began, if its source says that each time; a firing's time is that then.
    pub began: Option<Timestamp>,
    /// The hash of what it shows.
    pub content: String,
}

/// What is to be done with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// A new episode begins: a new alert, and somebody is paged.
    Open,
    /// The firing was over before it came: an alert born resolved that pages nobody.
    OpenResolved,
    /// A resolve of something never seen: remembered, so that an older firing pages nobody.
    Tombstone,
    /// The alert goes on and says the same.
    Repeat,
    /// The alert goes on and says something new.
    Update,
    /// The alert is over.
    Resolve(AlertId),
    /// The alert is over, but it flaps: it goes on until it has been quiet for a while.
    HoldFlapping(AlertId),
    /// The alert ended later than was known.
    ResolvedLater(AlertId),
    /// The alert was over and fires again, which came first: whoever acknowledged it before does not know.
    EndOvertaken(AlertId),
    /// Nothing new: a repeated message, or one that newer events have overtaken.
    Stale,
}

impl KeyRow {
    /// Whether the ends of an alert, of which this is the key, come again and again, so that it goes on until it is quiet.
    pub fn flaps_on(&self, alert: &Alert, now: Timestamp) -> bool {
        let fires = self.alert == Some(alert.id) && alert.head().state() == AlertState::Firing;
        fires && self.flaps.goes_on(now)
    }

    /// Says whether the event is newer than the newest one known.
    fn is_older_than(&self, arrival: &EventFacts) -> bool {
        (self.at, self.event) < (arrival.at, arrival.event)
            || arrival.received_at.duration_since(self.received_at) > self.late(arrival.status)
    }

    /// Past how much time between receptions an event of this status is newer whatever its sender's clock says.
    fn late(&self, status: AlertStatus) -> SignedDuration {
        let over = self.status == AlertStatus::Resolved || self.is_held();
        let again = over && status == AlertStatus::Firing;
        if again && self.alert.is_some() && !self.by_hand { AGAIN } else { LATE }
    }

    /// The row after this event; the status is the event's, and times never go back.
    pub fn after(known: Option<&Self>, arrival: &EventFacts, alert: Option<AlertId>) -> Self {
        // An event that counts in spite of its own time takes the time of its reception.
        let at = known.map_or(arrival.at, |row| {
            let begins = (row.status, arrival.status) == (AlertStatus::Firing, AlertStatus::Firing);
            match () {
                () if arrival.at >= row.at => arrival.at,
                // An earlier beginning says nothing of what happened since.
                () if begins && arrival.began.is_some() => row.at,
                () => arrival.received_at.max(row.at),
            }
        });
        let goes_on = known.filter(|row| row.status == AlertStatus::Firing);
        let (since, over_at) = match arrival.status {
            AlertStatus::Firing => {
                let since = match goes_on {
                    None => Some(at),
                    Some(row) if row.began_earlier(arrival) => Some(arrival.at),
                    Some(row) => row.since,
                };
                (since, known.and_then(|row| row.over_at))
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
            flaps: match (known, arrival.status) {
                (None, _) => Flaps::default(),
                (Some(row), AlertStatus::Firing) => row.flaps.fired(),
                (Some(row), AlertStatus::Resolved) if row.status == AlertStatus::Firing => {
                    row.flaps.ended(arrival.received_at)
                }
                (Some(row), AlertStatus::Resolved) => row.flaps.clone(),
            },
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

    /// The row once its alert has lapsed. Its times stay: whatever is received after its last word begins anew.
    pub fn lapsed(&self, now: Timestamp) -> Self {
        Self {
            status: AlertStatus::Resolved,
            version: self.version + 1,
            since: None,
            over_at: Some(self.at.max(now)),
            ..self.clone()
        }
    }

    /// Says whether its newest event was an end that is held back.
    pub fn is_held(&self) -> bool {
        self.status == AlertStatus::Firing && self.flaps.held() == Some(self.event)
    }

    /// The row once an end is held back: as after that end, but that the alert goes on and says what it said.
    pub fn held(&self, arrival: &EventFacts) -> Self {
        Self {
            status: AlertStatus::Firing,
            content: self.content.clone(),
            since: self.since,
            flaps: self.flaps.holding(arrival.event, arrival.received_at, self.is_held()),
            ..Self::after(Some(self), arrival, self.alert)
        }
    }

    /// The row once it has been quiet for long enough after an end that was held back: as that end leaves it.
    pub fn quiet(&self) -> Self {
        Self { status: AlertStatus::Resolved, version: self.version + 1, since: None, ..self.clone() }
    }

    /// The row once an end is known that the newest firing has overtaken.
    pub fn with_end(&self, at: Timestamp) -> Self {
        Self { version: self.version + 1, over_at: Some(at), ..self.clone() }
    }

    /// Says whether a firing tells of the episode that goes on, by a sender who says each time when it began.
    fn is_of(&self, arrival: &EventFacts) -> bool {
        arrival.began.is_some() && self.over_at.is_none_or(|over| over < arrival.at)
    }

    /// Says whether the episode that goes on began before it was known to.
    pub fn began_earlier(&self, arrival: &EventFacts) -> bool {
        self.is_of(arrival) && self.since.is_some_and(|since| arrival.at < since)
    }

    /// Says whether a firing has newer words although it may have begun earlier: the last to be received counts.
    fn is_overruled_by(&self, arrival: &EventFacts) -> bool {
        let later = (self.received_at, self.event) < (arrival.received_at, arrival.event);
        self.is_of(arrival) && later && self.content != arrival.content
    }

    /// Says whether an end is a later one of the episode that is over.
    fn ended_later(&self, arrival: &EventFacts) -> bool {
        let over = self.over_at.filter(|over| *over < arrival.at && !self.by_hand);
        over.is_some_and(|over| arrival.began.is_some_and(|began| began <= over))
    }

    /// Says whether something ended after this episode began and before it fired last, which nobody knew of.
    fn was_over(&self, arrival: &EventFacts) -> bool {
        self.since.is_some_and(|since| since <= arrival.at && arrival.at < self.at)
            && self.over_at.is_none_or(|known| known < arrival.at)
    }
}

/// Decides what one event means, given what is known of its key.
pub fn decide(known: Option<&KeyRow>, arrival: &EventFacts) -> Decision {
    use AlertStatus::{Firing, Resolved};

    let Some(row) = known else {
        return match arrival.status {
            Firing => Decision::Open,
            Resolved => Decision::Tombstone,
        };
    };
    let newer = row.is_older_than(arrival);
    match (row.status, arrival.status) {
        (Firing, Firing) if row.began_earlier(arrival) || row.is_overruled_by(arrival) => Decision::Update,
        (Firing, Firing) if !newer => Decision::Stale,
        (Firing, Firing) if row.content == arrival.content => Decision::Repeat,
        (Firing, Firing) => Decision::Update,
        (Firing, Resolved) => match row.alert {
            Some(alert) if newer && row.flaps.holds(arrival.received_at) => Decision::HoldFlapping(alert),
            Some(alert) if newer => Decision::Resolve(alert),
            Some(alert) if row.was_over(arrival) => Decision::EndOvertaken(alert),
            Some(_) | None => Decision::Stale,
        },
        (Resolved, Resolved) if newer => match row.alert {
            Some(alert) if row.ended_later(arrival) => Decision::ResolvedLater(alert),
            Some(_) | None => Decision::Tombstone,
        },
        (Resolved, Resolved) => Decision::Stale,
        (Resolved, Firing) if newer => Decision::Open,
        (Resolved, Firing) if row.alert.is_none() => Decision::OpenResolved,
        (Resolved, Firing) => Decision::Stale,
    }
}

#[cfg(test)]
mod tests;
