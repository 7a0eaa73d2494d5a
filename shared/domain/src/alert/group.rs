//! Groups: alerts that belong together share one incident and are notified once.
//!
//! The first alert of a group opens the incident and the escalations. Alerts that join within the window notify nobody.
//! A group is identified by everything that an alert would cause: its route, its targets and the grouping keys. So an
//! alert that joins would have notified the same people.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ReceivedEvent;
use crate::alert_route::Route;
use crate::escalation::PathRef;
use crate::id::{AlertId, EscalationId, IncidentId};
use crate::template::Problem;

/// A group's window is extended at most this often, so that a flood of alerts does not write its row with each alert.
const MOVED: SignedDuration = SignedDuration::from_secs(10);

/// The group that an alert belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The hash that identifies the group.
    pub hash: String,
    /// How long after an alert another one still joins.
    pub window: SignedDuration,
}

/// The stored row of a group: its newest episode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRow {
    /// Counts the episodes; a writer that decided on an older row conflicts.
    pub version: u64,
    /// The alert that opened it; it names the episode.
    pub first: AlertId,
    /// The incident that its alerts share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// The escalations that notify people of all its alerts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalations: Vec<EscalationId>,
    /// Until when alerts join.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub until: Timestamp,
}

impl Group {
    /// The group of an alert, by the first of its routes that groups alerts.
    ///
    /// # Errors
    /// [`Problem`] if a key could not be told; the alert then stands alone.
    pub fn of(
        routes: &[&Route],
        plans: &[(PathRef, bool)],
        received: &ReceivedEvent,
        payload: &Value,
    ) -> Result<Option<Self>, Problem> {
        let grouping = routes.iter().find_map(|route| Some((route.id, route.grouping.as_ref()?)));
        let Some((route, grouping)) = grouping else { return Ok(None) };
        let mut values = Vec::new();
        for key in &grouping.keys {
            // An alert without a value for a key is not grouped.
            let Some(value) = key.resolve(&received.event, payload)? else { return Ok(None) };
            values.push(value);
        }
        let told = format!("{:?}", (route, plans, values));
        let hash = crate::text::fingerprint(told.as_bytes(), 32);
        Ok(Some(Self { hash, window: SignedDuration::from_secs(i64::from(grouping.window_seconds)) }))
    }
}

impl GroupRow {
    /// Says whether an alert received at that time still joins.
    pub fn takes(&self, received_at: Timestamp) -> bool {
        received_at <= self.until
    }

    /// The new end of the window after an alert joined, if extending it is worth a write.
    pub fn moved_on(&self, received_at: Timestamp, window: SignedDuration) -> Option<Timestamp> {
        let until = received_at.saturating_add(window).unwrap_or(self.until);
        (until.duration_since(self.until) >= MOVED.min(window)).then_some(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(n: i64) -> Timestamp {
        Timestamp::from_second(n).unwrap()
    }

    fn row(until: i64) -> GroupRow {
        GroupRow {
            version: 1,
            first: AlertId::new(second(0), 1),
            incident: None,
            escalations: Vec::new(),
            until: second(until),
        }
    }

    #[test]
    fn alerts_join_until_the_window_is_over_and_not_later() {
        assert!(row(60).takes(second(60)));
        assert!(!row(60).takes(second(61)));
    }

    #[test]
    fn window_moves_on_in_steps_and_never_back() {
        let window = SignedDuration::from_secs(60);

        assert_eq!(row(60).moved_on(second(9), window), None);
        assert_eq!(row(60).moved_on(second(10), window), Some(second(70)));
        assert_eq!(row(60).moved_on(second(-30), window), None);
    }

    #[test]
    fn short_window_moves_on_too() {
        let window = SignedDuration::from_secs(5);

        assert_eq!(row(5).moved_on(second(4), window), None);
        assert_eq!(row(5).moved_on(second(5), window), Some(second(10)));
    }
}
