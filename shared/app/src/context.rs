//! What functions are built from: the ports, the clock, the random.

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

/// Tells the time, in whole milliseconds.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Gives random bits for ids; secrets come from [`Seal::random_token`].
pub type Random = Arc<dyn Fn() -> u128 + Send + Sync>;

/// Mail that comes in.
#[derive(Clone, Default)]
pub struct Incoming {
    /// What stands behind the `@` of a source's address; none if this installation takes no mail.
    pub domain: Option<String>,
    /// Where mails lie, for the function that reads them.
    pub mailbox: Option<Arc<dyn Mailbox>>,
}

/// What a function is built from.
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
    /// Asks addresses outside, as far as they may be asked.
    pub outside: egress::Client,
    /// How far requests to addresses that people give may go.
    pub reach: Reach,
    /// Mail that comes in.
    pub mail: Incoming,
    /// What links begin with.
    pub public_url: String,
    /// The organisation's first API key, where the installation was given one.
    pub first_key: Option<SecretString>,
    /// The provider that people may sign in with, where the operator has named one.
    pub oidc: Option<Arc<Oidc>>,
    /// Tells the time.
    pub clock: Clock,
    /// Gives random bits.
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

    /// What sending pages needs.
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
