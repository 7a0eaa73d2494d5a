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
pub use filtered::{DraftSample, FilteredCount, RateWindow, WithoutAlert};
pub use intake::{AutoResolve, IntakeRules, RateLimit};
pub use kind::SourceKind;
pub use priority::Priorities;
pub use redaction::Redaction;
pub use rotation::PreviousSecret;

/// The states of a source's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum SourceState {
    /// It is being set up: it accepts deliveries and previews their alerts, but nobody is notified.
    Draft,
    /// It accepts deliveries.
    Active,
    /// It refuses deliveries.
    Disabled,
    /// It was deleted; its alerts stay.
    Destroyed,
}

impl State for SourceState {
    const INITIAL: &'static [Self] = &[Self::Draft, Self::Active];

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
    /// Says whether it accepts deliveries.
    pub const fn takes_deliveries(self) -> bool {
        matches!(self, Self::Draft | Self::Active)
    }
}

/// How a source's alerts are rendered: title, description and attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// The title.
    pub title: Binding,
    /// The description.
    pub description: Binding,
    /// The attributes and their bindings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Bound>,
    /// The mapping of a custom source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Custom>,
    /// What is redacted before anything is stored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redactions: Vec<Redaction>,
    /// Expressions that the bindings refer to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expressions: Vec<Expression>,
    /// The priority mapping.
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
    /// The sealed secret of its deliveries.
    pub secret: String,
    /// The hash of its secret, if the secret alone identifies the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The previous secret, while it is still valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousSecret>,
    /// How its alerts are rendered.
    pub template: Template,
    /// Which of its events become alerts.
    #[serde(default, skip_serializing_if = "IntakeRules::is_plain")]
    pub intake: IntakeRules,
    /// What the client sent, to be echoed.
    pub document: Document,
    /// When it was made.
    pub created_at: Timestamp,
    /// The last delivery that was refused or could not be parsed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<DeliveryError>,
    /// When a delivery last contained an alert.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "jiff::fmt::serde::timestamp::millisecond::optional"
    )]
    pub last_delivery_at: Option<Timestamp>,
}

/// Why a delivery could not be parsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryError {
    /// When.
    pub at: Timestamp,
    /// The reason, for the person who set the source up.
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

/// The data that a source's function needs to verify a delivery: one small item, found by the source's id alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCredentials {
    /// The organisation.
    pub org: OrgId,
    /// The source.
    pub id: SourceId,
    /// Its name, for alerts about its deliveries. Older items have none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its kind.
    pub kind: SourceKind,
    /// The secret, sealed.
    pub secret: String,
    /// The previous secret, while it is still valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousSecret>,
    /// Whether deliveries are accepted.
    pub open: bool,
    /// Whether the source is a draft.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub draft: bool,
}

impl Source {
    /// The credentials of this source.
    pub fn door(&self) -> SourceCredentials {
        SourceCredentials {
            org: self.org,
            id: self.id,
            name: self.name.clone(),
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
