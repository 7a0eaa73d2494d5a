//! Escalation paths: who is notified, in which order, and how long they have to acknowledge.

use serde::{Deserialize, Serialize};

use crate::id::{PathId, UserId};
use crate::text::Document;
use crate::user::Urgency;

/// One version of an escalation path. Versions are kept, so that an escalation runs the version with which it started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Path {
    /// Its id.
    pub id: PathId,
    /// Its version; an update writes the next one.
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

/// One level: people, and the time they have to acknowledge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Who is notified.
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
    /// The urgency.
    pub urgency: Urgency,
}

/// The most people that one level may name.
pub const MOST_TARGETS: usize = 20;

/// The most notifications of one level: the number that a transaction holds beside the escalation.
pub const MAX_NOTIFICATIONS: usize = 90;

/// The default time to acknowledge, in seconds.
pub const DEFAULT_ACK_SECONDS: u32 = 300;
