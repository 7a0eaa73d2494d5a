//! What incidents are given: severities, statuses and roles.

use machine::State;
use serde::{Deserialize, Serialize};

use super::IncidentState;
use crate::choice::{Choice, ChoiceKind};
use crate::id::{OrgId, RoleId, SeverityId, StatusId};

/// How bad an incident is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Severity {
    /// What people call it.
    pub name: String,
    /// What it means.
    pub description: String,
    /// The higher, the worse.
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

/// How far an incident is, in an organisation's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// What people call it.
    pub name: String,
    /// What it means.
    pub description: String,
    /// The state that an incident in it is in.
    #[serde(with = "super::state_name")]
    pub state: IncidentState,
    /// Where it stands among the others.
    pub rank: i64,
    /// Whether an incident has it that is given no other in this state.
    #[serde(default)]
    pub is_default: bool,
}

impl Status {
    /// The id of the status that an incident has that is given no other.
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

/// What people call a state, and what it means.
const fn words(state: IncidentState) -> (&'static str, &'static str) {
    match state {
        IncidentState::Triage => ("Triage", "Nobody has confirmed yet that this is an incident."),
        IncidentState::Active => ("Active", "People are working on the incident."),
        IncidentState::Paused => ("Paused", "Work on the incident is paused."),
        IncidentState::PostIncident => {
            ("Post-incident", "The incident is over, and people are learning from it.")
        }
        IncidentState::Closed => ("Closed", "Nothing more is to be done."),
        IncidentState::Declined => ("Declined", "This was not an incident."),
        IncidentState::Merged => ("Merged", "The incident was merged into another one."),
        IncidentState::Canceled => ("Canceled", "The incident was opened by mistake."),
    }
}

/// How many ranks there are for statuses from one state to the next.
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

/// Who a role is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleKind {
    /// Who leads.
    Lead,
    /// Who said that it is one.
    Reporter,
    /// One of the organisation's own.
    Custom,
}

impl RoleKind {
    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Reporter => "reporter",
            Self::Custom => "custom",
        }
    }
}

/// Who does what in an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// What people call it.
    pub name: String,
    /// What it means.
    pub description: String,
    /// What whoever has it is told.
    pub instructions: String,
    /// Its name where there is little room.
    pub shortform: String,
    /// Who it is.
    pub kind: RoleKind,
    /// Whether each incident needs somebody in it.
    #[serde(default)]
    pub required: bool,
}

impl Choice for Role {
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
