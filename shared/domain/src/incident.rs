//! Incidents.

mod change;
mod choice;
mod milestone;
mod timeline;

use std::collections::BTreeMap;

use jiff::Timestamp;
use machine::{Head, State, Stateful};
use serde::{Deserialize, Serialize};

pub use change::{Change, ChangeNote, Changed, name, summary};
pub use choice::{IncidentRole, RoleKind, STATUS_RANKS, Severity, Status};
pub use milestone::Milestone;
pub use timeline::{BeforeAfter, FieldChange, InitialValues, TimelineEntry, TimelineEvent, ordered};

use crate::access::{Actor, Permission};
use crate::event::Event;
use crate::followers::Followers;
use crate::id::{AlertId, IncidentId, OrgId, RoleId, SeverityId, StatusId, UserId};
use crate::trace::Trace;

/// The states of an incident: the field's status categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum IncidentState {
    /// Nobody has confirmed yet that it is an incident.
    Triage,
    /// People work on it.
    Active,
    /// Work is paused.
    Paused,
    /// Work has ended, and people learn from it.
    #[strum(serialize = "post-incident")]
    PostIncident,
    /// Nothing more is to be done.
    Closed,
    /// It was not an incident.
    Declined,
    /// It was merged into another incident.
    Merged,
    /// It was opened by mistake.
    Canceled,
}

impl State for IncidentState {
    const INITIAL: &'static [Self] = &[Self::Triage, Self::Active];

    fn successors(self) -> &'static [Self] {
        match self {
            Self::Triage => &[Self::Active, Self::Declined, Self::Merged, Self::Canceled],
            Self::Active => &[Self::Paused, Self::PostIncident, Self::Closed, Self::Merged, Self::Canceled],
            Self::Paused => &[Self::Active, Self::Closed, Self::Canceled],
            Self::PostIncident => &[Self::Active, Self::Closed],
            Self::Closed => &[Self::Active],
            Self::Declined => &[Self::Active],
            Self::Merged | Self::Canceled => &[],
        }
    }
}

/// The stage of an incident: what lists of incidents are filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncidentStage {
    /// People work on the incident, or will.
    Open,
    /// The incident ended, and people learn from it.
    PostIncident,
    /// Nothing more is to be done.
    Over,
}

impl IncidentState {
    /// The stage of an incident in this state.
    pub const fn stage(self) -> IncidentStage {
        match self {
            Self::Triage | Self::Active | Self::Paused => IncidentStage::Open,
            Self::PostIncident => IncidentStage::PostIncident,
            Self::Closed | Self::Declined | Self::Merged | Self::Canceled => IncidentStage::Over,
        }
    }

    /// Says whether people still work on the incident. Once it is not open, nobody is notified for it, and alerts that
    /// come later do not join it.
    pub const fn is_open(self) -> bool {
        match self.stage() {
            IncidentStage::Open => true,
            IncidentStage::PostIncident | IncidentStage::Over => false,
        }
    }
}

/// Serialises a state by its name.
mod state_name {
    use machine::State as _;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::IncidentState;

    pub(super) fn serialize<S: Serializer>(state: &IncidentState, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(state.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IncidentState, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        IncidentState::named(&name).ok_or_else(|| D::Error::custom(format_args!("unknown state `{name}`")))
    }
}

/// Who may see an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Visibility {
    /// Everybody in the organisation.
    #[default]
    Public,
    /// Only people who have a part in it.
    Private,
}

impl Visibility {
    /// The name in the API.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// An incident.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Incident {
    /// State and version.
    #[serde(flatten)]
    pub head: Head<IncidentState>,
    /// Its organisation.
    pub org: OrgId,
    /// Its id.
    pub id: IncidentId,
    /// Its number, as in `INC-123`.
    pub number: u64,
    /// Its name.
    pub title: String,
    /// The summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Who may see it.
    #[serde(default)]
    pub visibility: Visibility,
    /// The severity, if it is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<SeverityId>,
    /// The status; `None` for the default status of the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusId>,
    /// The people in roles.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<RoleId, UserId>,
    /// The times of the milestones that were reached.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub milestones: BTreeMap<Milestone, Timestamp>,
    /// Who or what opened it.
    pub creator: crate::Identity,
    /// The alert that opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<AlertId>,
    /// The subscribers that follow it.
    #[serde(flatten)]
    pub followers: Followers,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The trace that it came in.
    pub trace: Trace,
}

impl Incident {
    /// The reference that people use: `INC-123`.
    pub fn reference(&self) -> String {
        format!("INC-{}", self.number)
    }

    /// Says whether an actor may see the incident. A private one is visible to people who opened it, have a role in it
    /// or are in its channel, and to people who see all private incidents.
    pub fn is_seen_by(&self, who: &Actor) -> bool {
        match self.visibility {
            Visibility::Public => true,
            Visibility::Private => {
                let user = who.identity().user();
                self.creator == *who.identity()
                    || self.roles.values().any(|id| Some(*id) == user)
                    || who.is_invited(self.id)
                    || who.may(Permission::SeePrivate).is_ok()
            }
        }
    }
}

impl Stateful for Incident {
    const MACHINE: &'static str = "incident";
    type State = IncidentState;
    type Event = Event;
    type Note = ChangeNote;

    fn head(&self) -> Head<IncidentState> {
        self.head
    }

    fn set_head(&mut self, head: Head<IncidentState>) {
        self.head = head;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_passes_its_proofs() {
        machine::check::check::<IncidentState>();
    }
}
