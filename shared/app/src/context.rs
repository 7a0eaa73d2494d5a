//! What functions are built from: ports, clock and randomness.

use std::sync::Arc;

use domain::Timestamp;
use egress::Reach;
use mail::Mailbox;
use notify::{Channel, SlackDirect};
use secrecy::SecretString;
use store::{Queues, Store};

use crate::notification::send::Senders;
use crate::oidc::Oidc;
use crate::seal::Seal;
use crate::slack::{SlackApp, Workspaces};

/// Returns the current time, in whole milliseconds.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Returns random bits for ids. Secrets come from [`Seal::random_token`].
pub type Random = Arc<dyn Fn() -> u128 + Send + Sync>;

/// Settings for incoming mail.
#[derive(Clone, Default)]
pub struct Incoming {
    /// The domain of the sources' mail addresses; `None` if this installation receives no mail.
    pub domain: Option<String>,
    /// The mailbox, for the function that reads it.
    pub mailbox: Option<Arc<dyn Mailbox>>,
}

/// Everything that a function is built from.
#[derive(Clone)]
pub struct Context {
    /// The table.
    pub store: Store,
    /// The queues.
    pub queues: Queues,
    /// Seals and signs.
    pub seal: Arc<Seal>,
    /// The channels that this installation has.
    pub channels: Vec<Arc<dyn Channel>>,
    /// The Slack app.
    pub slack: SlackApp,
    /// The client for outbound HTTP requests.
    pub outside: egress::Client,
    /// Which addresses outbound requests may reach.
    pub reach: Reach,
    /// Settings for incoming mail.
    pub mail: Incoming,
    /// The base URL of links.
    pub public_url: String,
    /// The first API key of the organisation, if the installation was given one.
    pub first_key: Option<SecretString>,
    /// The OpenID Connect provider, if the operator configured one.
    pub oidc: Option<Arc<Oidc>>,
    /// The clock.
    pub clock: Clock,
    /// The source of random bits.
    pub random: Random,
}

impl Context {
    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Random bits.
    pub fn random(&self) -> u128 {
        (self.random)()
    }

    /// What sending notifications needs.
    pub fn senders(&self) -> Senders {
        let mut channels = self.channels.clone();
        if let Some(slack) = &self.slack.api {
            let tokens = Arc::new(Workspaces::new(self.store.clone(), self.seal.clone()));
            channels.push(Arc::new(SlackDirect::new(slack.clone(), tokens)));
        }
        Senders {
            channels,
            outside: self.outside.clone(),
            seal: self.seal.clone(),
            public_url: self.public_url.clone(),
        }
    }
}
