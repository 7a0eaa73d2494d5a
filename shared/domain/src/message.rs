//! Queues, and the envelope round every message: a schema number and the trace.

use serde::{Deserialize, Serialize};

use crate::trace::Trace;

/// The schema that this version writes; every version reads those before it.
pub const SCHEMA: u16 = 1;

/// The envelope round every message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Envelope<T> {
    /// The schema number.
    pub schema: u16,
    /// The trace that the message belongs to.
    pub trace: Trace,
    /// The message.
    pub body: T,
}

impl<T> Envelope<T> {
    /// Puts a message into an envelope.
    pub const fn new(trace: Trace, body: T) -> Self {
        Self { schema: SCHEMA, trace, body }
    }
}

/// A queue.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Queue {
    /// Events of alerts, of which it holds the only copy until they are handled; heartbeats, expiries, backfills.
    AlertHandle,
    /// Events that could not be handled.
    AlertRescue,
    /// Levels of escalations whose time is up, and alerts that are resolved.
    EscalationTick,
    /// Notifications that are due, and links to sign in.
    NotificationSend,
    /// Emails that arrived for alert sources.
    MailReceive,
    /// Requests of people in Slack, and steps that are to be done in Slack.
    SlackWork,
}

impl Queue {
    /// Every queue.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The name of the queue and of the function that consumes it.
    pub fn name(self) -> &'static str {
        self.into()
    }
}
