//! The work of a step, and the thread that it belongs to.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::id::{EscalationId, IncidentId};
use crate::slack::id::ChannelId;

/// A thread of steps: those of an incident, of an escalation, or of one request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Thread(String);

impl Thread {
    /// The thread of an incident.
    pub fn incident(id: IncidentId) -> Self {
        Self(id.to_string())
    }

    /// The thread of an escalation that belongs to no incident.
    pub fn escalation(id: EscalationId) -> Self {
        Self(format!("escalation-{id}"))
    }

    /// The thread of the answer to a request.
    pub fn asked(key: &str) -> Self {
        Self(format!("asked-{}", crate::text::fingerprint(key.as_bytes(), 32)))
    }

    /// Reads a thread from a key; `None` if the text is empty or contains `#`.
    pub fn of_key(text: &str) -> Option<Self> {
        (!text.is_empty() && !text.contains('#')).then(|| Self(text.to_owned()))
    }

    /// The shard of `shards` that spreads these evenly.
    pub fn shard(&self, shards: u8) -> u8 {
        let sum = self.0.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        u8::try_from(sum % u32::from(shards)).unwrap_or(0)
    }
}

impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A step's id within its thread. The same cause gives the same id, so that no step is begun twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(String);

impl StepId {
    /// The id of the step of this name.
    pub fn of(name: impl fmt::Display) -> Self {
        Self(name.to_string())
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The channel of an incident's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The channel in which all incidents are announced.
    Announcements,
    /// The incident's own channel.
    Channel,
}

/// The work of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Follow an incident that has changed: begin the steps that the change needs.
    Follow,
    /// Create the incident's channel.
    CreateChannel,
    /// Invite the responders.
    Invite,
    /// Post the incident's message, or bring it up to date.
    Post(Place),
    /// Share the update of a version of the incident.
    Share {
        /// The version.
        version: u64,
    },
    /// Remove the buttons of the direct messages of an escalation that notifies nobody any more.
    Unpage {
        /// The escalation.
        escalation: EscalationId,
    },
    /// Answer the person who asked; only they see the answer.
    Answer {
        /// The sealed address of the answer.
        to: String,
        /// The text, in Slack's markup.
        text: String,
        /// Whether the answer replaces the message that they pressed.
        replaces: bool,
    },
    /// Reply to a message in its thread.
    Reply {
        /// The channel.
        channel: ChannelId,
        /// The message.
        ts: String,
        /// The text, in Slack's markup.
        text: String,
    },
}

impl Work {
    /// The name that people read.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Follow => "follow the incident",
            Self::CreateChannel => "create the channel",
            Self::Invite => "invite responders",
            Self::Post(Place::Announcements) => "announce",
            Self::Post(Place::Channel) => "keep the channel's message",
            Self::Share { .. } => "share an update",
            Self::Unpage { .. } => "take the buttons off direct messages",
            Self::Answer { .. } => "answer",
            Self::Reply { .. } => "reply",
        }
    }

    /// How long the step is tried.
    pub(super) const fn patience(&self) -> SignedDuration {
        match self {
            // Slack accepts an answer for half an hour.
            Self::Answer { .. } => SignedDuration::from_mins(30),
            Self::Follow
            | Self::CreateChannel
            | Self::Invite
            | Self::Post(_)
            | Self::Share { .. }
            | Self::Unpage { .. }
            | Self::Reply { .. } => SignedDuration::from_hours(24),
        }
    }
}
