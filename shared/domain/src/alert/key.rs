//! Decides what one event means for its deduplication key. The order of events is decided here and nowhere else.
//!
//! Events arrive at least once, late and in any order. They are ordered by event time, then by event id, so that a
//! repeated message is never newer than itself. In doubt the decision is the one that notifies.

use jiff::{SignedDuration, Timestamp};
use machine::Stateful;
use serde::{Deserialize, Serialize};

use super::flap::Flaps;
use super::{Alert, AlertState, AlertStatus};
use crate::id::{AlertId, EventId};

/// If two events were received further apart than this, their order of reception counts, not the sender's clock.
const LATE: SignedDuration = SignedDuration::from_mins(5);

/// The same limit for a firing after the source itself resolved the alert: a sender that reports a firing again a
/// minute after the resolution reports a new one.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// The row of a deduplication key: its newest event, and the alert of its newest episode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    /// The status after the newest event.
    pub status: AlertStatus,
    /// Counts the writes; a writer that decided on an older row conflicts.
    pub version: u64,
    /// The alert of the newest episode; `None` for a tombstone.
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
    /// The hash of the alert's content.
    pub content: String,
    /// The number of events, at least.
    pub count: u64,
    /// Whether somebody resolved the alert by hand, so that its source may still report it as firing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_hand: bool,
    /// When the current episode started; `None` once it is resolved, or if an older version opened it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub since: Option<Timestamp>,
    /// The newest known resolution.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub over_at: Option<Timestamp>,
    /// Its newest resolutions, to detect flapping.
    #[serde(default, skip_serializing_if = "Flaps::is_empty")]
    pub flaps: Flaps,
}

/// The facts of an event that decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFacts {
    /// The event.
    pub event: EventId,
    /// Firing or resolved.
    pub status: AlertStatus,
    /// The event time, not after reception.
    pub at: Timestamp,
    /// When its first event was received.
    pub received_at: Timestamp,
    /// When the episode started, if the source reports that with each event. It is then the time of a firing.
    pub began: Option<Timestamp>,
    /// The hash of its content.
    pub content: String,
}

/// The decision about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// A new episode: open an alert and notify people.
    Open,
    /// The alert was resolved before its firing arrived: store a resolved alert and notify nobody.
    OpenResolved,
    /// A resolution of an unknown alert: remember it, so that an older firing notifies nobody.
    Tombstone,
    /// The alert is firing, and its content is the same.
    Repeat,
    /// The alert is firing, and its content is new.
    Update,
    /// The alert is resolved.
    Resolve(AlertId),
    /// The alert is resolved but flaps: it stays firing until it has been quiet for a while.
    HoldFlapping(AlertId),
    /// The alert was resolved later than known.
    ResolvedLater(AlertId),
    /// The alert was resolved before its last firing, which arrived first. People who acknowledged before do not know
    /// that it fires again.
    EndOvertaken(AlertId),
    /// Nothing to do: a repeated message, or an event older than the newest one.
    Stale,
}

impl KeyRow {
    /// Says whether the alert of this key flaps, so that it stays firing until it is quiet.
    pub fn flaps_on(&self, alert: &Alert, now: Timestamp) -> bool {
        let fires = self.alert == Some(alert.id) && alert.head().state() == AlertState::Firing;
        fires && self.flaps.goes_on(now)
    }

    /// Says whether the event is newer than the newest known one.
    fn is_older_than(&self, arrival: &EventFacts) -> bool {
        (self.at, self.event) < (arrival.at, arrival.event)
            || arrival.received_at.duration_since(self.received_at) > self.late(arrival.status)
    }

    /// The time between receptions after which an event of this status is newer, whatever the sender's clock says.
    fn late(&self, status: AlertStatus) -> SignedDuration {
        let over = self.status == AlertStatus::Resolved || self.is_held();
        let again = over && status == AlertStatus::Firing;
        if again && self.alert.is_some() && !self.by_hand { AGAIN } else { LATE }
    }

    /// The row after this event. It has the event's status, and its times never go back.
    pub fn after(known: Option<&Self>, arrival: &EventFacts, alert: Option<AlertId>) -> Self {
        // An event that counts although its own time is older takes its reception time.
        let at = known.map_or(arrival.at, |row| {
            let begins = (row.status, arrival.status) == (AlertStatus::Firing, AlertStatus::Firing);
            match () {
                () if arrival.at >= row.at => arrival.at,
                // An earlier start does not change the time of the newest event.
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
    /// The row after somebody resolved the alert by hand.
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

    /// The row after the alert expired. Its times stay, so an event received after the last one opens a new alert.
    pub fn expired(&self, now: Timestamp) -> Self {
        Self {
            status: AlertStatus::Resolved,
            version: self.version + 1,
            since: None,
            over_at: Some(self.at.max(now)),
            ..self.clone()
        }
    }

    /// Says whether its newest event was a resolution that is held back.
    pub fn is_held(&self) -> bool {
        self.status == AlertStatus::Firing && self.flaps.held() == Some(self.event)
    }

    /// The row after a resolution is held back: as after the resolution, but the alert stays firing with its content.
    pub fn held(&self, arrival: &EventFacts) -> Self {
        Self {
            status: AlertStatus::Firing,
            content: self.content.clone(),
            since: self.since,
            flaps: self.flaps.holding(arrival.event, arrival.received_at, self.is_held()),
            ..Self::after(Some(self), arrival, self.alert)
        }
    }

    /// The row after the alert was quiet for long enough: the resolution that was held back takes effect.
    pub fn quiet(&self) -> Self {
        Self { status: AlertStatus::Resolved, version: self.version + 1, since: None, ..self.clone() }
    }

    /// The row after a resolution that arrived later than the next firing.
    pub fn with_end(&self, at: Timestamp) -> Self {
        Self { version: self.version + 1, over_at: Some(at), ..self.clone() }
    }

    /// Says whether a firing belongs to the current episode, for a sender that reports the start with each event.
    fn is_of(&self, arrival: &EventFacts) -> bool {
        arrival.began.is_some() && self.over_at.is_none_or(|over| over < arrival.at)
    }

    /// Says whether the event reports an earlier start of the current episode.
    pub fn began_earlier(&self, arrival: &EventFacts) -> bool {
        self.is_of(arrival) && self.since.is_some_and(|since| arrival.at < since)
    }

    /// Says whether a firing of the current episode has newer content: the last one received counts.
    fn is_overruled_by(&self, arrival: &EventFacts) -> bool {
        let later = (self.received_at, self.event) < (arrival.received_at, arrival.event);
        self.is_of(arrival) && later && self.content != arrival.content
    }

    /// Says whether a resolution is a later one of the resolved episode.
    fn ended_later(&self, arrival: &EventFacts) -> bool {
        let over = self.over_at.filter(|over| *over < arrival.at && !self.by_hand);
        over.is_some_and(|over| arrival.began.is_some_and(|began| began <= over))
    }

    /// Says whether an unknown resolution happened after the episode's start and before its last firing.
    fn was_over(&self, arrival: &EventFacts) -> bool {
        self.since.is_some_and(|since| since <= arrival.at && arrival.at < self.at)
            && self.over_at.is_none_or(|known| known < arrival.at)
    }
}

/// Decides the meaning of an event, given the row of its key.
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
