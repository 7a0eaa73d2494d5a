//! One page on its way out.

use std::fmt;

use domain::Timestamp;
use domain::id::{EscalationId, OrgId};
use domain::notification::Notification;
use domain::trace::Trace;
use domain::user::Urgency;
use secrecy::SecretString;

/// A page, with everything that a channel needs to know.
#[derive(Clone)]
pub struct Outgoing {
    /// What tells a repeated attempt from another page.
    pub idempotency_key: String,
    /// The address in the channel.
    pub address: String,
    /// What it is about, as a sender wrote it.
    pub title: String,
    /// How loudly.
    pub urgency: Urgency,
    /// The organisation.
    pub org: OrgId,
    /// The escalation that it belongs to.
    pub escalation: EscalationId,
    /// The trace that it came in.
    pub trace: Trace,
    /// Where to look at it, as a sender wrote it.
    pub source_url: Option<String>,
    /// Where to say that somebody is on it.
    pub acknowledge_url: String,
    /// When it is sent.
    pub when: Timestamp,
    /// What signs it, where the channel signs.
    pub secret: Option<SecretString>,
}

impl Outgoing {
    /// Takes from a page what a channel needs.
    pub fn of(
        notification: &Notification,
        secret: Option<SecretString>,
        acknowledge_url: String,
        when: Timestamp,
    ) -> Self {
        Self {
            idempotency_key: notification.idempotency_key(),
            address: notification.address.clone(),
            title: notification.title.clone(),
            urgency: notification.urgency,
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

/// Addresses, titles and signed links are for the addressee only, and not for a log.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("idempotency_key", &self.idempotency_key)
            .field("urgency", &self.urgency)
            .field("escalation", &self.escalation)
            .field("trace", &self.trace.id())
            .finish_non_exhaustive()
    }
}
