//! Messages on queues: an envelope with a schema number and the trace, round one of these bodies.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::alert::ReceivedEvent;
use crate::id::{AlertId, EscalationId, OrgId, SignInId, SourceId};
use crate::notification::Notification;
use crate::trace::Trace;

/// The schema that this version writes; every version reads those before it.
pub const SCHEMA: u16 = 1;

/// What stands round every message.
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

/// The queues there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Queue {
    /// Events of alerts; the only copy until they are handled.
    AlertHandle,
    /// Events that could not be handled.
    AlertRescue,
    /// Timers of escalations, and alerts that are over.
    EscalationTick,
    /// Pages that are due.
    NotificationSend,
    /// Mails that came in for alert sources.
    MailReceive,
    /// What people do in Slack, and what is owed to it.
    SlackWork,
}

impl Queue {
    /// Every queue.
    pub const ALL: &'static [Self] = &[
        Self::AlertHandle,
        Self::AlertRescue,
        Self::EscalationTick,
        Self::NotificationSend,
        Self::MailReceive,
        Self::SlackWork,
    ];

    /// The name of the queue and of the function that consumes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AlertHandle => "alert-handle",
            Self::AlertRescue => "alert-rescue",
            Self::EscalationTick => "escalation-tick",
            Self::NotificationSend => "notification-send",
            Self::MailReceive => "mail-receive",
            Self::SlackWork => "slack-work",
        }
    }
}

/// A message to `alert-handle`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertMessage {
    /// One event of an alert.
    Event(Box<ReceivedEvent>),
    /// Somebody at the sender is on an alert.
    Acknowledged {
        /// The organisation.
        org: OrgId,
        /// The source.
        source: SourceId,
        /// The hash of the alert's deduplication key.
        key: String,
        /// Who it is, in the sender's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// A job may not have been heard of in time.
    Heartbeat {
        /// The organisation.
        org: OrgId,
        /// The source.
        source: SourceId,
    },
    /// An alert may have lapsed.
    #[serde(rename = "lapse")]
    Expiry {
        /// The organisation.
        org: OrgId,
        /// The alert.
        alert: AlertId,
    },
    /// A backfill of a source has a step to do.
    Backfill {
        /// The organisation.
        org: OrgId,
        /// The source.
        source: SourceId,
    },
    /// An authenticated delivery that could not be read.
    DeliveryFailed {
        /// The organisation.
        org: OrgId,
        /// The source.
        source: SourceId,
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
}

/// A message to `escalation-tick`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EscalationMessage {
    /// A level's time is up.
    Due {
        /// The organisation.
        org: OrgId,
        /// The escalation.
        escalation: EscalationId,
    },
    /// An alert has joined escalations, or is over: they are owed a look.
    #[serde(alias = "alert_resolved")]
    Alert {
        /// The organisation.
        org: OrgId,
        /// The alert.
        alert: AlertId,
    },
}

/// A message to `notification-send`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationMessage {
    /// A page is due; the page is as it stood when this was said, so that sending it reads nothing.
    Due {
        /// The page.
        #[serde(rename = "page")]
        notification: Box<Notification>,
    },
    /// A page may be due; the sweep knows only its key.
    Check {
        /// The organisation.
        org: OrgId,
        /// The escalation.
        escalation: EscalationId,
        /// The page's id within it.
        #[serde(rename = "page")]
        notification: String,
    },
    /// A link to sign in is owed, if the address is anybody's.
    SignIn {
        /// The attempt.
        id: SignInId,
    },
    /// A topic's subscription to a source is to be confirmed at an address that was looked at.
    Subscribe {
        /// The source.
        source: SourceId,
        /// Where it is confirmed; a secret.
        url: String,
    },
}
