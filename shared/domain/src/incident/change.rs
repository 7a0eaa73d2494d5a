//! Decides changes of an incident.

use jiff::Timestamp;
use machine::{Illegal, Stateful, Transition};
use serde::{Deserialize, Serialize};

use super::{Incident, IncidentState, Milestone, Status};
use crate::Identity;
use crate::id::{RoleId, SeverityId, StatusId, UserId};

/// The most bytes of a name.
const NAME_BYTES: usize = crate::alert::TITLE_BYTES;
/// The most bytes of a summary.
const SUMMARY_BYTES: usize = 2048;

/// A change of an incident; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: Option<String>,
    /// The summary; an empty text removes it.
    pub summary: Option<String>,
    /// The severity.
    pub severity: Option<SeverityId>,
    /// The status and its state.
    pub status: Option<(StatusId, IncidentState)>,
    /// The people in roles; `None` removes the person.
    pub roles: Vec<(RoleId, Option<UserId>)>,
    /// The times of milestones; `None` removes the time.
    pub milestones: Vec<(Milestone, Option<Timestamp>)>,
    /// The message of an update.
    pub message: Option<String>,
    /// A pinned message and its author.
    pub pinned: Option<(String, Option<String>)>,
    /// Whether the change is announced in the incident's channel.
    pub announce: bool,
}

/// A field that changed, with its new value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Changed {
    /// Its name.
    Name(String),
    /// The summary.
    Summary(String),
    /// The severity.
    Severity(SeverityId),
    /// The status.
    Status(StatusId),
    /// The person in a role.
    Role {
        /// The role.
        role: RoleId,
        /// The person; `None` if the role was freed.
        user: Option<UserId>,
    },
    /// When a milestone was reached.
    Milestone {
        /// The milestone.
        milestone: Milestone,
        /// The time; `None` if it was removed.
        at: Option<Timestamp>,
    },
    /// A message was pinned.
    Pinned {
        /// The text.
        text: String,
        /// The author.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        author: Option<String>,
    },
}

/// The note of a change in an incident's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeNote {
    /// The status after the change.
    pub status: StatusId,
    /// The severity after the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<SeverityId>,
    /// The message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The fields that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Changed>,
    /// The old values of these fields, if they had any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub was: Vec<Changed>,
    /// Whether the change is not announced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quiet: bool,
}

impl ChangeNote {
    /// Says whether the change is an update: it has a message, a new status or a new severity.
    pub fn is_update(&self) -> bool {
        let tells = |changed: &Changed| matches!(changed, Changed::Status(_) | Changed::Severity(_));
        self.message.is_some() || self.changed.iter().any(tells)
    }
}

/// A name, shortened to the limit.
pub fn name(text: &str) -> String {
    crate::text::shorten(text, NAME_BYTES)
}

/// A summary, shortened to the limit; `None` if it is empty.
pub fn summary(text: &str) -> Option<String> {
    crate::text::present(Some(crate::text::shorten(text, SUMMARY_BYTES)))
}

/// Applies a change to an incident's fields and returns what differs. It does not set the state, which only the machine
/// changes.
pub(super) fn apply(incident: &mut Incident, change: &Change, now: Timestamp) -> Vec<Changed> {
    let mut changed = Vec::new();
    if let Some(text) = change.name.as_deref().map(name).filter(|text| *text != incident.title) {
        changed.push(Changed::Name(text.clone()));
        incident.title = text;
    }
    if let Some(text) = change.summary.as_deref().map(summary).filter(|text| *text != incident.summary) {
        changed.push(Changed::Summary(text.clone().unwrap_or_default()));
        incident.summary = text;
    }
    if let Some(severity) = change.severity.filter(|severity| Some(*severity) != incident.severity) {
        changed.push(Changed::Severity(severity));
        incident.severity = Some(severity);
    }
    if let Some((status, state)) = change.status.filter(|(status, _)| *status != incident.status()) {
        changed.push(Changed::Status(status));
        incident.status = (status != Status::default_id(incident.org, state)).then_some(status);
        for milestone in Milestone::left(state) {
            incident.milestones.remove(milestone);
        }
        for milestone in Milestone::reached(state) {
            incident.milestones.entry(*milestone).or_insert(now);
        }
    }
    for (role, user) in &change.roles {
        if incident.roles.get(role) != user.as_ref() {
            changed.push(Changed::Role { role: *role, user: *user });
            match user {
                Some(user) => incident.roles.insert(*role, *user),
                None => incident.roles.remove(role),
            };
        }
    }
    for (milestone, at) in &change.milestones {
        if incident.milestones.get(milestone) != at.as_ref() {
            changed.push(Changed::Milestone { milestone: *milestone, at: *at });
            match at {
                Some(at) => incident.milestones.insert(*milestone, *at),
                None => incident.milestones.remove(milestone),
            };
        }
    }
    if let Some((text, author)) = &change.pinned {
        let text = crate::text::shorten(text, SUMMARY_BYTES);
        changed.push(Changed::Pinned { text, author: author.clone() });
    }
    changed
}

impl Incident {
    /// The status.
    pub fn status(&self) -> StatusId {
        self.status.unwrap_or_else(|| Status::default_id(self.org, self.head().state()))
    }

    /// When a milestone was reached; reporting is the time of creation unless it was set.
    pub fn reached(&self, milestone: Milestone) -> Option<Timestamp> {
        let reported = (milestone == Milestone::Reported).then_some(self.created_at);
        self.milestones.get(&milestone).copied().or(reported)
    }

    /// Sets the initial values of a new incident.
    pub fn begin_with(&mut self, change: &Change, now: Timestamp) {
        apply(self, change, now);
    }

    /// Decides a change: one transition with its note and event, or `None` if it changes nothing.
    ///
    /// # Errors
    /// [`Illegal`] if there is no such edge, or the state allows no change.
    pub fn change(
        &self,
        change: &Change,
        by: &Identity,
        now: Timestamp,
    ) -> Result<Option<Transition<Self>>, Illegal<IncidentState>> {
        let mut after = self.clone();
        let changed = apply(&mut after, change, now);
        if changed.is_empty() && change.message.is_none() {
            return Ok(None);
        }
        let state = change.status.map_or(self.head().state(), |(_, state)| state);
        let step =
            if state == self.head().state() { self.amend(now)? } else { self.transition_to(state, now)? };
        let why = match () {
            () if change.message.is_some() => "update",
            () if change.pinned.is_some() => "pin",
            () => "edit",
        };
        let step = step.because(by.to_string(), why).with(|incident| {
            *incident = after;
            incident.updated_at = now;
        });
        let incident = step.after();
        let status = incident.status.unwrap_or_else(|| Status::default_id(incident.org, state));
        let (severity, message) = (incident.severity, change.message.clone());
        let was = self.before(&changed);
        let note = ChangeNote { status, severity, message, was, changed, quiet: !change.announce };
        Ok(Some(step.noting(note)))
    }
}
