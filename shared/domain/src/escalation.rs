//! Escalations: they notify level after level until somebody acknowledges.

pub mod level;
pub mod tick;

use jiff::Timestamp;
use machine::{Head, State, Stateful};
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::followers::Followers;
use crate::id::{AlertId, EscalationId, IncidentId, OrgId, PathId, UserId};
use crate::job::due::Scheduled;
use crate::job::{EscalationJob, Job, JobKind};
use crate::trace::Trace;

pub use level::{NewEscalation, Responders, levels_of, notified_level};
pub use tick::{Tick, tick};

/// The states of an escalation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum EscalationState {
    /// The first level has not been notified yet.
    Pending,
    /// A level was notified and has time to acknowledge.
    Triggered,
    /// Somebody acknowledged.
    Acked,
    /// Its alerts were resolved.
    Resolved,
    /// No level acknowledged in time.
    Expired,
    /// Somebody cancelled it, or its incident ended.
    Cancelled,
}

impl State for EscalationState {
    const INITIAL: &'static [Self] = &[Self::Pending, Self::Triggered];

    fn successors(self) -> &'static [Self] {
        match self {
            Self::Pending => &[Self::Triggered, Self::Acked, Self::Resolved, Self::Cancelled],
            Self::Triggered => &[Self::Acked, Self::Resolved, Self::Expired, Self::Cancelled],
            Self::Acked => &[Self::Triggered, Self::Resolved, Self::Cancelled],
            Self::Expired => &[Self::Acked, Self::Resolved, Self::Cancelled],
            Self::Resolved | Self::Cancelled => &[],
        }
    }
}

impl EscalationState {
    /// Says whether it covers an alert that joins: somebody is being notified, or has acknowledged.
    pub const fn answers(self) -> bool {
        match self {
            Self::Pending | Self::Triggered | Self::Acked => true,
            Self::Expired | Self::Resolved | Self::Cancelled => false,
        }
    }

    /// Says whether it can still be cancelled.
    pub const fn is_going_on(self) -> bool {
        match self {
            Self::Pending | Self::Triggered | Self::Acked | Self::Expired => true,
            Self::Resolved | Self::Cancelled => false,
        }
    }

    /// Says whether its next level is still to come.
    pub const fn has_next_level(self) -> bool {
        match self {
            Self::Pending | Self::Triggered => true,
            Self::Acked | Self::Expired | Self::Resolved | Self::Cancelled => false,
        }
    }

    /// Says whether somebody may still be notified. The fence of every notification checks this.
    pub const fn notifies(self) -> bool {
        match self {
            Self::Pending | Self::Triggered | Self::Expired => true,
            Self::Acked | Self::Resolved | Self::Cancelled => false,
        }
    }
}

/// The path or people that an escalation runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathRef {
    /// A path, at its version when the escalation started.
    Path {
        /// The path.
        id: PathId,
        /// Its version.
        version: u64,
    },
    /// These people, all at once.
    Users(Vec<UserId>),
    /// The organisation's fallback contact.
    Fallback,
}

/// An escalation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Escalation {
    /// State and version.
    #[serde(flatten)]
    pub head: Head<EscalationState>,
    /// Its organisation.
    pub org: OrgId,
    /// Its id.
    pub id: EscalationId,
    /// The title, shortened.
    pub title: String,
    /// The description of the person who started it, shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A link to what it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The path or people that it runs.
    pub plan: PathRef,
    /// The current level.
    pub level: u16,
    /// How often it restarted after an acknowledgement. Notifications of an older cycle are void.
    pub cycle: u16,
    /// When the time of the level ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// The alert that it notifies people of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<AlertId>,
    /// The group of alerts that it notifies people of, named by the alert that opened the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<AlertId>,
    /// The incident that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// The subscribers that follow it.
    #[serde(flatten)]
    pub followers: Followers,
    /// Whether it ends when its alerts are resolved.
    pub auto_cancel: bool,
    /// Who started it.
    pub creator: crate::Identity,
    /// When it began.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The trace that it came in.
    pub trace: Trace,
}

impl Stateful for Escalation {
    const MACHINE: &'static str = "escalation";
    type State = EscalationState;
    type Event = Event;
    type Note = ();

    fn head(&self) -> Head<EscalationState> {
        self.head
    }

    fn set_head(&mut self, head: Head<EscalationState>) {
        self.head = head;
    }
}

impl Scheduled for Escalation {
    const KIND: JobKind = JobKind::EscalationLevel;

    fn job(&self) -> Job {
        EscalationJob::EscalationLevel { org: self.org, escalation: self.id }.into()
    }

    fn set_due(&mut self, at: Option<Timestamp>) {
        self.due = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_passes_its_proofs() {
        machine::check::check::<EscalationState>();
    }
}
