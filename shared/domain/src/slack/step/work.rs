//! What a step does, and what it belongs to.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::id::{EscalationId, IncidentId};
use crate::slack::id::ChannelId;

/// What steps belong together to: an incident, or one thing that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Thread(String);

impl Thread {
    /// Everything that is owed because of an incident.
    pub fn incident(id: IncidentId) -> Self {
        Self(id.to_string())
    }

    /// What is owed because of an escalation that belongs to no incident.
    pub fn escalation(id: EscalationId) -> Self {
        Self(format!("escalation-{id}"))
    }

    /// The answer to something that was asked.
    pub fn asked(key: &str) -> Self {
        Self(format!("asked-{}", crate::text::fingerprint(key.as_bytes(), 32)))
    }

    /// Reads it from a key; a `#` is none of its characters.
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

/// A step's id within its thread: the same cause gives the same id, so that nothing is owed twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(String);

impl StepId {
    /// The one step of this name.
    pub fn of(name: impl fmt::Display) -> Self {
        Self(name.to_string())
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where an incident's message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Where all incidents are announced.
    Announcements,
    /// In the incident's own channel.
    Channel,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Look at an incident that has changed, and write down what is owed because of that.
    Follow,
    /// Create the incident's channel.
    CreateChannel,
    /// Invite whoever responds.
    Invite,
    /// Post the incident's message, or bring it up to date.
    Post(Place),
    /// Share the update that a version of the incident made.
    Share {
        /// The version.
        version: u64,
    },
    /// Take the buttons off the direct messages of an escalation that pages nobody any more.
    Unpage {
        /// The escalation.
        escalation: EscalationId,
    },
    /// Answer whoever asked; only they see it.
    Answer {
        /// Where to, sealed.
        to: String,
        /// What to say, in Slack's markup.
        text: String,
        /// Whether it takes the place of what they answered.
        replaces: bool,
    },
    /// Say something below a message.
    Reply {
        /// The channel.
        channel: ChannelId,
        /// The message.
        ts: String,
        /// What to say, in Slack's markup.
        text: String,
    },
}

impl Work {
    /// The name, for people.
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

    /// How long it makes sense to try.
    pub(super) const fn patience(&self) -> SignedDuration {
        match self {
            // Slack takes an answer for half an hour.
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
