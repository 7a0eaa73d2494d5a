//! Alerts: one episode of a deduplication key, from its first firing to its resolution.

pub mod attribute;
pub mod expiry;
pub mod flap;
pub mod group;
pub mod key;
pub mod note;
mod original;
pub mod received;

use jiff::Timestamp;
use machine::{Head, Illegal, State, Stateful, Transition};
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::id::{AlertId, EscalationId, IncidentId, OrgId, SourceId};
use crate::job::due::{Scheduled, due_at};
use crate::job::{EscalationJob, Job, JobKind};
use crate::source::SourceKind;
use crate::trace::Trace;

pub use attribute::{AlertAttribute, Attribute};
pub use original::OriginalText;
pub use received::{AlertEvent, AlertStatus, ReceivedEvent, key_hash};

/// The states of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertState {
    /// It is going on.
    Firing,
    /// It is over; the key's next firing is another alert.
    Resolved,
}

impl State for AlertState {
    const ALL: &'static [Self] = &[Self::Firing, Self::Resolved];
    const INITIAL: &'static [Self] = &[Self::Firing, Self::Resolved];

    fn name(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }

    fn successors(self) -> &'static [Self] {
        match self {
            Self::Firing => &[Self::Resolved],
            Self::Resolved => &[],
        }
    }
}

/// What became of an alert's routing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Routing {
    /// At least one route took it.
    Routed,
    /// No route took it; it waits on the first page.
    Unrouted,
    /// No route could take it, so the fallback contact was paged.
    Fallback,
    /// It was over before it was seen, so nobody was paged.
    Over,
}

/// How many bytes of the title stand in the small items; the whole title is in the body.
pub const TITLE_BYTES: usize = 240;

/// An alert.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Alert {
    /// State and version.
    #[serde(flatten)]
    pub head: Head<AlertState>,
    /// Its organisation.
    pub org: OrgId,
    /// Its id.
    pub id: AlertId,
    /// The source that sent it.
    pub source: SourceId,
    /// The kind of that source.
    pub kind: SourceKind,
    /// Its title at opening, cut to [`TITLE_BYTES`].
    pub title: String,
    /// The hash of its deduplication key.
    pub key: String,
    /// When it was received.
    pub created_at: Timestamp,
    /// When it began, by the event time.
    pub started_at: Timestamp,
    /// When it was resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Timestamp>,
    /// The incident that it opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// The escalations that page for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalations: Vec<EscalationId>,
    /// The group that it belongs to, by the alert that opened that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<AlertId>,
    /// What became of its routing.
    pub routing: Routing,
    /// When its escalations are owed a look: it has joined them, or it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// What people have tagged it with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// How many notes people have written about it.
    #[serde(default, skip_serializing_if = "is_none")]
    pub notes: u32,
    /// The trace that it came in.
    pub trace: Trace,
}

/// Whether there is none, which is not kept.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none(count: &u32) -> bool {
    *count == 0
}

impl Stateful for Alert {
    const MACHINE: &'static str = "alert";
    type State = AlertState;
    type Event = Event;
    type Note = ();

    fn head(&self) -> Head<AlertState> {
        self.head
    }

    fn set_head(&mut self, head: Head<AlertState>) {
        self.head = head;
    }
}

impl Scheduled for Alert {
    const KIND: JobKind = JobKind::AlertSettle;

    fn job(&self) -> Job {
        EscalationJob::AlertSettle { org: self.org, alert: self.id }.into()
    }

    fn set_due(&mut self, at: Option<Timestamp>) {
        self.due = at;
    }
}

impl Alert {
    /// Its end, as of a time; its escalations are owed the news at once.
    ///
    /// # Errors
    /// [`Illegal`] if it is over.
    pub fn end(
        &self,
        resolved_at: Timestamp,
        now: Timestamp,
    ) -> Result<Transition<Self>, Illegal<AlertState>> {
        let end = self.transition_to(AlertState::Resolved, now)?;
        Ok(due_at(end.with(|alert| alert.resolved_at = Some(resolved_at)), now))
    }
}

/// What an alert says, as its newest delivery put it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The whole title.
    pub title: String,
    /// The description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where to look at it in the system that sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    /// Its priority, as the sender wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// What it says of the attributes that its source binds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AlertAttribute>,
    /// The deduplication key in full.
    pub deduplication_key: String,
    /// What of our own rules failed on it; it was routed without them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// What was sent, where the source's template says something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<OriginalText>,
    /// When this text was received.
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_passes_its_proofs() {
        machine::check::check::<AlertState>();
    }
}
