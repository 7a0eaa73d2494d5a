//! Escalation paths: who is paged, in which order, and how long they have.

use serde::{Deserialize, Serialize};

use crate::id::{PathId, UserId};
use crate::text::Document;
use crate::user::Urgency;

/// An escalation path at one version; versions stay, so that an escalation keeps the path it began on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Path {
    /// Its id.
    pub id: PathId,
    /// Its version; an update writes the next.
    pub version: u64,
    /// Its name.
    pub name: String,
    /// Its levels, in order.
    pub levels: Vec<Level>,
    /// What the client sent, to be echoed.
    pub document: Document,
}

/// When a level ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AckMode {
    /// At the first acknowledgement.
    #[default]
    First,
}

/// One level: some people and the time they have to acknowledge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Who is paged.
    pub targets: Vec<Target>,
    /// How long they have before the next level.
    pub ack_seconds: u32,
    /// When the level ends.
    #[serde(default)]
    pub ack_mode: AckMode,
}

/// A person at a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The person.
    pub user: UserId,
    /// How loudly.
    pub urgency: Urgency,
}

/// How many people one level may name.
pub const MOST_TARGETS: usize = 20;

/// The most pages that one level makes: what a transaction holds beside the escalation.
pub const MAX_NOTIFICATIONS: usize = 90;

/// How long somebody has where nothing says so.
pub const DEFAULT_ACK_SECONDS: u32 = 300;
