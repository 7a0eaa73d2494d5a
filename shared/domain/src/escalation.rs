//! Escalations: paging level after level until somebody acknowledges.

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

pub use level::{NewEscalation, Responders, levels_of};
pub use tick::{Tick, tick};

/// The states of an escalation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EscalationState {
    /// It waits before its first level.
    Pending,
    /// A level has been paged and has time to answer.
    Triggered,
    /// Somebody has said that they are on it.
    Acked,
    /// What it was about is over.
    Resolved,
    /// Every level has had its time and nobody answered.
    Expired,
    /// Somebody called it off.
    Cancelled,
}

impl State for EscalationState {
    const ALL: &'static [Self] =
        &[Self::Pending, Self::Triggered, Self::Acked, Self::Resolved, Self::Expired, Self::Cancelled];
    const INITIAL: &'static [Self] = &[Self::Pending, Self::Triggered];

    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Triggered => "triggered",
            Self::Acked => "acked",
            Self::Resolved => "resolved",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

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
    /// Says whether it answers for an alert that joins it: somebody is being paged, or is on it.
    pub const fn answers(self) -> bool {
        match self {
            Self::Pending | Self::Triggered | Self::Acked => true,
            Self::Expired | Self::Resolved | Self::Cancelled => false,
        }
    }

    /// Says whether it can still be called off.
    pub const fn is_going_on(self) -> bool {
        match self {
            Self::Pending | Self::Triggered | Self::Acked | Self::Expired => true,
            Self::Resolved | Self::Cancelled => false,
        }
    }

    /// Says whether somebody is still to be paged; the fence of every page asks this.
    pub const fn notifies(self) -> bool {
        match self {
            Self::Pending | Self::Triggered | Self::Expired => true,
            Self::Acked | Self::Resolved | Self::Cancelled => false,
        }
    }
}

/// Whom an escalation pages, in which order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathRef {
    /// A path, at the version that it had when the escalation began.
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
    /// What it is about, cut.
    pub title: String,
    /// What whoever began it says of it, cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where to look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whom it pages.
    pub plan: PathRef,
    /// The level that is being paged.
    pub level: u16,
    /// Counts how often it began again after an acknowledgement; pages of an older cycle are void.
    pub cycle: u16,
    /// When the level's time is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// The alert that it pages for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<AlertId>,
    /// The group of alerts that it pages for, by the alert that opened that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<AlertId>,
    /// The incident that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// The subscribers that follow it.
    #[serde(flatten)]
    pub followers: Followers,
    /// Whether it is over once its alerts are.
    pub auto_cancel: bool,
    /// Who began it.
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
