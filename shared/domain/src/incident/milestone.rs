//! Milestones: times that an incident reaches.

use serde::{Deserialize, Serialize};

use super::IncidentState;
use crate::id::{MilestoneId, OrgId};

/// A milestone of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, strum::VariantArray)]
#[serde(rename_all = "snake_case")]
pub enum Milestone {
    /// The incident was reported.
    Reported,
    /// The incident was accepted.
    Accepted,
    /// The incident was resolved.
    Resolved,
    /// The incident was closed.
    Closed,
    /// The incident was declined, merged or cancelled.
    Dismissed,
}

impl Milestone {
    /// Every milestone, in order.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The name.
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

    /// The milestones that are cleared when an incident goes back to a state.
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

    /// The milestones that an incident reaches with a state.
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
