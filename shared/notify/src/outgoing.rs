//! A notification as a channel sends it.

use std::fmt;

use domain::Timestamp;
use domain::id::{EscalationId, OrgId};
use domain::notification::Notification;
use domain::trace::Trace;
use domain::user::Urgency;
use secrecy::SecretString;

/// A notification with everything that a channel needs to send it.
#[derive(Clone)]
pub struct OutgoingNotification {
    /// Identifies the notification; the same in each attempt, so that a provider can drop repeats.
    pub idempotency_key: String,
    /// The recipient's address in the channel.
    pub address: String,
    /// The title of the alert or incident. Untrusted text.
    pub title: String,
    /// The urgency.
    pub urgency: Urgency,
    /// The id of the installation that sends it.
    pub installation: String,
    /// The organisation.
    pub org: OrgId,
    /// The escalation that sends the notification.
    pub escalation: EscalationId,
    /// The trace of the event that caused the notification.
    pub trace: Trace,
    /// A link to the alert in the sending system. Untrusted text.
    pub source_url: Option<String>,
    /// The signed link that acknowledges the escalation.
    pub acknowledge_url: String,
    /// The time of this attempt.
    pub when: Timestamp,
    /// The key that signs the message, if the channel signs its messages.
    pub secret: Option<SecretString>,
}

impl OutgoingNotification {
    /// Creates it from a notification, its opened secret, the id of the installation, and the acknowledge link.
    pub fn of(
        notification: &Notification,
        secret: Option<SecretString>,
        (installation, acknowledge_url): (String, String),
        when: Timestamp,
    ) -> Self {
        Self {
            idempotency_key: notification.idempotency_key(),
            address: notification.address.clone(),
            title: notification.title.clone(),
            urgency: notification.urgency,
            installation,
            org: notification.org,
            escalation: notification.escalation,
            trace: notification.trace.clone(),
            source_url: notification.url.clone(),
            acknowledge_url,
            when,
            secret,
        }
    }
}

/// Shows no address, title or link, because only the recipient may see them.
impl fmt::Debug for OutgoingNotification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingNotification")
            .field("idempotency_key", &self.idempotency_key)
            .field("urgency", &self.urgency)
            .field("escalation", &self.escalation)
            .field("trace", &self.trace.id())
            .finish_non_exhaustive()
    }
}
