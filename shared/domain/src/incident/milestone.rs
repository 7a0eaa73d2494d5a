//! Milestones: the moments of an incident's life.

use serde::{Deserialize, Serialize};

use super::IncidentState;
use crate::id::{MilestoneId, OrgId};

/// A moment of an incident's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Milestone {
    /// Somebody said that there is something.
    Reported,
    /// Somebody said that it is an incident.
    Accepted,
    /// Nobody is affected any more.
    Resolved,
    /// All is done.
    Closed,
    /// Somebody said that it is none, or that it was opened by mistake.
    Dismissed,
}

impl Milestone {
    /// Every milestone, in the order of an incident's life.
    pub const ALL: &'static [Self] =
        &[Self::Reported, Self::Accepted, Self::Resolved, Self::Closed, Self::Dismissed];

    /// What people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reported => "Reported at",
            Self::Accepted => "Accepted at",
            Self::Resolved => "Resolved at",
            Self::Closed => "Closed at",
            Self::Dismissed => "Dismissed at",
        }
    }

    /// Its id; each organisation has its own.
    pub fn id(self, org: OrgId) -> MilestoneId {
        MilestoneId::derived(org.at(), format_args!("{org} {}", self.name()))
    }

    /// The milestone of an id.
    pub fn of(org: OrgId, id: MilestoneId) -> Option<Self> {
        Self::ALL.iter().copied().find(|milestone| milestone.id(org) == id)
    }

    /// Those that no longer hold in a state: the incident was opened again.
    pub const fn left(state: IncidentState) -> &'static [Self] {
        match state {
            IncidentState::Triage | IncidentState::Active | IncidentState::Paused => {
                &[Self::Resolved, Self::Closed, Self::Dismissed]
            }
            IncidentState::PostIncident => &[Self::Closed],
            IncidentState::Closed
            | IncidentState::Declined
            | IncidentState::Merged
            | IncidentState::Canceled => &[],
        }
    }

    /// Those that an incident reaches by going to a state.
    pub const fn reached(state: IncidentState) -> &'static [Self] {
        match state {
            IncidentState::Triage | IncidentState::Paused => &[],
            IncidentState::Active => &[Self::Accepted],
            IncidentState::PostIncident => &[Self::Resolved],
            IncidentState::Closed => &[Self::Resolved, Self::Closed],
            IncidentState::Declined | IncidentState::Merged | IncidentState::Canceled => &[Self::Dismissed],
        }
    }
}
