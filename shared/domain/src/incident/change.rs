//! What changes an incident, decided before anything is written.

use jiff::Timestamp;
use machine::{Illegal, Stateful, Transition};
use serde::{Deserialize, Serialize};

use super::{Incident, IncidentState, Milestone, Status};
use crate::Identity;
use crate::id::{RoleId, SeverityId, StatusId, UserId};

/// How long a name may be in the incident's small item.
const NAME_BYTES: usize = crate::alert::TITLE_BYTES;
/// How long a summary may be there.
const SUMMARY_BYTES: usize = 2048;

/// What is to change; what is none stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: Option<String>,
    /// What is going on; an empty text removes it.
    pub summary: Option<String>,
    /// How bad it is.
    pub severity: Option<SeverityId>,
    /// How far it is, and the state that this means.
    pub status: Option<(StatusId, IncidentState)>,
    /// Who has which role; nobody, to free it.
    pub roles: Vec<(RoleId, Option<UserId>)>,
    /// When which milestone was reached; none, to forget it.
    pub milestones: Vec<(Milestone, Option<Timestamp>)>,
    /// What others are told with it.
    pub message: Option<String>,
    /// What somebody said that is worth keeping, and who.
    pub pinned: Option<(String, Option<String>)>,
    /// Whether those who follow the incident are told.
    pub announce: bool,
}

/// One thing that a change changed, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Changed {
    /// Its name.
    Name(String),
    /// What is going on.
    Summary(String),
    /// How bad it is.
    Severity(SeverityId),
    /// How far it is.
    Status(StatusId),
    /// Who has a role.
    Role {
        /// The role.
        role: RoleId,
        /// Who has it; nobody, if it was freed.
        user: Option<UserId>,
    },
    /// When a milestone was reached.
    Milestone {
        /// The milestone.
        milestone: Milestone,
        /// When; none, if that was forgotten.
        at: Option<Timestamp>,
    },
    /// Something that somebody said was pinned.
    Pinned {
        /// What was said.
        text: String,
        /// Who said it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        author: Option<String>,
    },
}

/// What the history keeps of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// How far it was then.
    pub status: StatusId,
    /// How bad it was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<SeverityId>,
    /// What others were told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Changed>,
    /// What it was before, of what was anything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub was: Vec<Changed>,
    /// Whether those who follow the incident are not told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quiet: bool,
}

impl Note {
    /// Says whether it tells people how the incident goes, and not only that something was put right.
    pub fn is_update(&self) -> bool {
        let tells = |changed: &Changed| matches!(changed, Changed::Status(_) | Changed::Severity(_));
        self.message.is_some() || self.changed.iter().any(tells)
    }
}

/// A name, short enough for the incident's small item.
pub fn name(text: &str) -> String {
    crate::text::shorten(text, NAME_BYTES)
}

/// A summary, short enough for the incident's small item; none if it says nothing.
pub fn summary(text: &str) -> Option<String> {
    crate::text::present(Some(crate::text::shorten(text, SUMMARY_BYTES)))
}

/// Puts a change into an incident's fields and says what differs. The state is the machine's alone.
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
    /// How far it is.
    pub fn status(&self) -> StatusId {
        self.status.unwrap_or_else(|| Status::default_id(self.org, self.head().state()))
    }

    /// When a milestone was reached. That it was reported needs no saying.
    pub fn reached(&self, milestone: Milestone) -> Option<Timestamp> {
        let reported = (milestone == Milestone::Reported).then_some(self.created_at);
        self.milestones.get(&milestone).copied().or(reported)
    }

    /// Gives it what it has from the beginning.
    pub fn begin_with(&mut self, change: &Change, now: Timestamp) {
        apply(self, change, now);
    }

    /// Decides a change: one step of the machine with its note and its event, or none if it changes nothing.
    ///
    /// # Errors
    /// [`Illegal`] if there is no such edge, or the incident is over for good.
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
        let note = Note { status, severity, message, was, changed, quiet: !change.announce };
        Ok(Some(step.noting(note)))
    }
}
