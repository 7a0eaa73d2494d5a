//! Alert source configurations.

pub mod backfill;
pub mod custom;
mod filtered;
pub mod heartbeat;
mod intake;
mod kind;
pub mod pinned_topic;
pub mod priority;
pub mod redaction;
mod rotation;
pub mod template;

use jiff::Timestamp;
use machine::{Head, State, Stateful};
use serde::{Deserialize, Serialize};

use crate::alert::attribute::Bound;
use crate::event::Event;
use crate::expression::Expression;
use crate::id::{OrgId, SourceId};
use crate::template::Binding;
use crate::text::Document;

pub use custom::Custom;
pub use filtered::{DraftSample, FilteredCount, RateWindow};
pub use intake::{AutoResolve, IntakeRules, RateLimit};
pub use kind::SourceKind;
pub use priority::Priorities;
pub use redaction::Redaction;
pub use rotation::PreviousSecret;

/// The states of a source's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceState {
    /// It is being set up: it takes deliveries and shows what would become of them, and nobody is paged.
    Draft,
    /// It takes deliveries.
    Active,
    /// It refuses them.
    Disabled,
    /// It is gone; what it sent stays.
    Destroyed,
}

impl State for SourceState {
    const ALL: &'static [Self] = &[Self::Draft, Self::Active, Self::Disabled, Self::Destroyed];
    const INITIAL: &'static [Self] = &[Self::Draft, Self::Active];

    fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Destroyed => "destroyed",
        }
    }

    fn successors(self) -> &'static [Self] {
        match self {
            Self::Draft => &[Self::Active, Self::Destroyed],
            Self::Active => &[Self::Disabled, Self::Destroyed],
            Self::Disabled => &[Self::Active, Self::Destroyed],
            Self::Destroyed => &[],
        }
    }
}

impl SourceState {
    /// Says whether whatever its senders deliver is taken.
    pub const fn takes_deliveries(self) -> bool {
        matches!(self, Self::Draft | Self::Active)
    }
}

/// How a source's alerts are titled and described.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// The title.
    pub title: Binding,
    /// The description.
    pub description: Binding,
    /// What attributes they have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Bound>,
    /// How its senders' words are read, where they may send anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Custom>,
    /// What is removed from its senders' words before anything is kept of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redactions: Vec<Redaction>,
    /// Expressions that the bindings refer to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expressions: Vec<Expression>,
    /// What their priority is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priorities>,
}

impl Default for Template {
    fn default() -> Self {
        Self {
            title: Binding::Reference("alert.title".to_owned()),
            description: Binding::Reference("alert.description".to_owned()),
            attributes: Vec::new(),
            custom: None,
            redactions: Vec::new(),
            expressions: Vec::new(),
            priority: None,
        }
    }
}

/// A source's configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Source {
    /// State and version.
    #[serde(flatten)]
    pub head: Head<SourceState>,
    /// Its organisation.
    pub org: OrgId,
    /// Its id.
    pub id: SourceId,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: SourceKind,
    /// The secret that its deliveries carry, sealed.
    pub secret: String,
    /// The hash of its secret, where that alone leads to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The secret before it, while that still holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousSecret>,
    /// How its alerts are titled.
    pub template: Template,
    /// What of its events becomes alerts.
    #[serde(default, skip_serializing_if = "IntakeRules::is_plain")]
    pub intake: IntakeRules,
    /// What the client sent, to be echoed.
    pub document: Document,
    /// When it was made.
    pub created_at: Timestamp,
    /// The last delivery that was refused or could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<DeliveryError>,
    /// When a delivery last brought an alert.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub last_delivery_at: Option<Timestamp>,
}

/// Why a delivery could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryError {
    /// When.
    pub at: Timestamp,
    /// Why, for the person who set the source up.
    pub reason: String,
}

impl Stateful for Source {
    const MACHINE: &'static str = "alert_source";
    type State = SourceState;
    type Event = Event;
    type Note = ();

    fn head(&self) -> Head<SourceState> {
        self.head
    }

    fn set_head(&mut self, head: Head<SourceState>) {
        self.head = head;
    }
}

/// What the door of a source needs to know: one small item, found by the source's id alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCredentials {
    /// The organisation.
    pub org: OrgId,
    /// The source.
    pub id: SourceId,
    /// Its kind.
    pub kind: SourceKind,
    /// The secret, sealed.
    pub secret: String,
    /// The one before it, while that still holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousSecret>,
    /// Whether deliveries are taken.
    pub open: bool,
    /// Whether they page nobody yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub draft: bool,
}

impl Source {
    /// The door to this source.
    pub fn door(&self) -> SourceCredentials {
        SourceCredentials {
            org: self.org,
            id: self.id,
            kind: self.kind.clone(),
            secret: self.secret.clone(),
            previous: self.previous.clone(),
            open: self.head.state().takes_deliveries(),
            draft: self.head.state() == SourceState::Draft,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_passes_its_proofs() {
        machine::check::check::<SourceState>();
    }
}
