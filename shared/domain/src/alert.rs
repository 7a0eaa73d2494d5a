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
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum AlertState {
    /// The alert is firing.
    Firing,
    /// The alert is resolved. The next firing of its key opens another alert.
    Resolved,
}

impl State for AlertState {
    const INITIAL: &'static [Self] = &[Self::Firing, Self::Resolved];

    fn successors(self) -> &'static [Self] {
        match self {
            Self::Firing => &[Self::Resolved],
            Self::Resolved => &[],
        }
    }
}

/// The outcome of an alert's routing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Routing {
    /// At least one route matched.
    Routed,
    /// No route matched. The home page shows the alert.
    Unrouted,
    /// No route could match, so the fallback contact was notified.
    Fallback,
    /// The alert was resolved before it arrived, so nobody was notified.
    Over,
}

/// The most bytes of a title in the alert's item. The body has the whole title.
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
    /// When its first event was received.
    pub created_at: Timestamp,
    /// When it started firing, by the event time.
    pub started_at: Timestamp,
    /// When it was resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Timestamp>,
    /// The incident that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// The escalations that notify people of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalations: Vec<EscalationId>,
    /// The group that it belongs to, named by the alert that opened the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<AlertId>,
    /// The outcome of its routing.
    pub routing: Routing,
    /// When its escalations have to be reconciled, because it joined a group or was resolved; `None` once that is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// The tags that people added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The number of notes.
    #[serde(default, skip_serializing_if = "is_none")]
    pub notes: u32,
    /// The trace that it came in.
    pub trace: Trace,
}

/// Says whether the count is zero, which is not stored.
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
    /// The transition that resolves the alert. Its escalations are reconciled at once.
    ///
    /// # Errors
    /// [`Illegal`] if it is resolved.
    pub fn end(
        &self,
        resolved_at: Timestamp,
        now: Timestamp,
    ) -> Result<Transition<Self>, Illegal<AlertState>> {
        let end = self.transition_to(AlertState::Resolved, now)?;
        Ok(due_at(end.with(|alert| alert.resolved_at = Some(resolved_at)), now))
    }
}

/// The content of an alert, as its newest event gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The whole title.
    pub title: String,
    /// The description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A link to the alert in the system that sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    /// Its priority, as the sender wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// The values of its attributes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AlertAttribute>,
    /// The deduplication key in full.
    pub deduplication_key: String,
    /// Problems with the organisation's own rules. The alert was routed without the rules that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// The original text, if the source's template changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<OriginalText>,
    /// When this content was received.
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
