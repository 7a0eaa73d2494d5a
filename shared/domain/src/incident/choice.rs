//! The severities, statuses and roles of incidents.

use machine::State;
use serde::{Deserialize, Serialize};

use super::IncidentState;
use crate::choice::{Choice, ChoiceKind};
use crate::id::{OrgId, RoleId, SeverityId, StatusId};

/// The severity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Severity {
    /// The name.
    pub name: String,
    /// The description.
    pub description: String,
    /// The rank: higher is worse.
    pub rank: i64,
}

impl Choice for Severity {
    type Id = SeverityId;
    const KIND: ChoiceKind = ChoiceKind::Severity;

    fn name(&self) -> &str {
        &self.name
    }

    fn rank(&self) -> i64 {
        self.rank
    }

    fn built_in(org: OrgId) -> Vec<(SeverityId, Self)> {
        let severity = |name: &str, description: &str, rank| {
            let id = SeverityId::derived(org.at(), format_args!("{org} {name}"));
            (id, Self { name: name.to_owned(), description: description.to_owned(), rank })
        };
        vec![
            severity("Minor", "Few users are affected, and there is a workaround.", 1),
            severity("Major", "Many users are affected.", 2),
            severity("Critical", "The most important functions do not work.", 3),
        ]
    }

    fn is_fixed(&self) -> bool {
        false
    }
}

/// A status of incidents, with the organisation's name for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The name.
    pub name: String,
    /// The description.
    pub description: String,
    /// The state of an incident with this status.
    #[serde(with = "super::state_name")]
    pub state: IncidentState,
    /// The order among the others.
    pub rank: i64,
    /// Whether it is the default status of its state.
    #[serde(default)]
    pub is_default: bool,
}

impl Status {
    /// The id of the default status of a state.
    pub fn default_id(org: OrgId, state: IncidentState) -> StatusId {
        StatusId::derived(org.at(), format_args!("{org} {}", state.name()))
    }
}

impl IncidentState {
    /// Says whether an organisation may add statuses of its own for this state.
    pub const fn has_own_statuses(self) -> bool {
        match self {
            Self::Active | Self::PostIncident | Self::Closed => true,
            Self::Triage | Self::Paused | Self::Declined | Self::Merged | Self::Canceled => false,
        }
    }
}

impl Status {
    /// The rank of a new status of a state: after the others of that state.
    pub fn next_rank<'a>(state: IncidentState, others: impl IntoIterator<Item = &'a Self>) -> i64 {
        let same = others.into_iter().filter(|other| other.state == state);
        same.map(|other| other.rank).max().unwrap_or(0).saturating_add(1)
    }
}

/// The name and description of a state's default status.
const fn words(state: IncidentState) -> (&'static str, &'static str) {
    match state {
        IncidentState::Triage => ("Triage", "Nobody has confirmed yet that this is an incident."),
        IncidentState::Active => ("Active", "People are working on the incident."),
        IncidentState::Paused => ("Paused", "Work on the incident is paused."),
        IncidentState::PostIncident => {
            ("Post-incident", "The incident ended, and people are learning from it.")
        }
        IncidentState::Closed => ("Closed", "Nothing more is to be done."),
        IncidentState::Declined => ("Declined", "This was not an incident."),
        IncidentState::Merged => ("Merged", "The incident was merged into another one."),
        IncidentState::Canceled => ("Canceled", "The incident was opened by mistake."),
    }
}

/// The difference of ranks between the statuses of two neighbouring states.
pub const STATUS_RANKS: i64 = 100;

impl Choice for Status {
    type Id = StatusId;
    const KIND: ChoiceKind = ChoiceKind::Status;

    fn name(&self) -> &str {
        &self.name
    }

    fn rank(&self) -> i64 {
        self.rank
    }

    fn built_in(org: OrgId) -> Vec<(StatusId, Self)> {
        let status = |(rank, &state): (i64, &IncidentState)| {
            let (name, description) = words(state);
            let (name, description) = (name.to_owned(), description.to_owned());
            let what = Self { name, description, state, rank: rank * STATUS_RANKS, is_default: true };
            (Self::default_id(org, state), what)
        };
        (0..).zip(IncidentState::ALL).map(status).collect()
    }

    fn is_fixed(&self) -> bool {
        self.is_default
    }
}

/// The kind of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RoleKind {
    /// The lead.
    Lead,
    /// The person who reported the incident.
    Reporter,
    /// A role of the organisation's own.
    Custom,
}

impl RoleKind {
    /// The name in the API.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// A role in an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentRole {
    /// The name.
    pub name: String,
    /// The description.
    pub description: String,
    /// The instructions for the person in the role.
    pub instructions: String,
    /// The short name.
    pub shortform: String,
    /// The kind.
    pub kind: RoleKind,
    /// Whether every incident needs a person in this role.
    #[serde(default)]
    pub required: bool,
}

impl Choice for IncidentRole {
    type Id = RoleId;
    const KIND: ChoiceKind = ChoiceKind::Role;

    fn name(&self) -> &str {
        &self.name
    }

    fn rank(&self) -> i64 {
        match self.kind {
            RoleKind::Lead => 0,
            RoleKind::Reporter => 1,
            RoleKind::Custom => 2,
        }
    }

    fn built_in(org: OrgId) -> Vec<(RoleId, Self)> {
        let role = |name: &str, description: &str, instructions: &str, kind: RoleKind| {
            let id = RoleId::derived(org.at(), format_args!("{org} {}", kind.name()));
            let [name, description, instructions] = [name, description, instructions].map(str::to_owned);
            let shortform = kind.name().to_owned();
            (id, Self { name, description, instructions, shortform, kind, required: false })
        };
        vec![
            role(
                "Incident Lead",
                "Leads the response.",
                "Decide who does what, and keep others informed.",
                RoleKind::Lead,
            ),
            role("Reporter", "Reported the incident.", "Describe what you have seen.", RoleKind::Reporter),
        ]
    }

    fn is_fixed(&self) -> bool {
        self.kind != RoleKind::Custom
    }
}
