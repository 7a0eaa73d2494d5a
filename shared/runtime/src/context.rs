//! Builds the `Context` of all functions from the configuration.

use std::sync::Arc;

use app::oidc::Oidc;
use app::seal::Seal;
use app::{Clock, Context, Incoming};
use machine::Observe;
use mail::Mailbox;
use notify::Channel;
use secrecy::SecretString;
use store::{Queues, Store};

use crate::{Config, ConfigError, system_random};

/// The parts of a `Context` that depend on where the process runs.
pub struct Ports {
    /// The client of the database.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The client of the queues.
    pub sqs: aws_sdk_sqs::Client,
    /// Observes the transitions of machines.
    pub observe: Arc<dyn Observe>,
    /// The installation key.
    pub key: SecretString,
    /// The notification channels.
    pub channels: Vec<Arc<dyn Channel>>,
    /// The mailbox of received email, if this function reads it.
    pub mailbox: Option<Arc<dyn Mailbox>>,
    /// The clock.
    pub clock: Clock,
}

/// Builds the context of functions.
///
/// # Errors
/// [`ConfigError`] if the URL of Slack's API is invalid.
pub fn context(config: &Config, ports: Ports) -> Result<Context, ConfigError> {
    Ok(Context {
        store: Store::new(ports.dynamodb, config.table.as_str(), ports.observe),
        queues: Queues::new(ports.sqs, config.queues.clone()),
        seal: Arc::new(Seal::new(&ports.key)),
        channels: ports.channels,
        slack: crate::slack_app(config)?,
        outside: egress::Client::new(config.reach),
        reach: config.reach,
        public_url: config.public_url.clone().unwrap_or_default(),
        oidc: config.oidc.clone().map(|settings| Arc::new(Oidc::new(settings))),
        first_key: config.api_key.clone(),
        mail: Incoming { domain: config.mail_domain.clone(), mailbox: ports.mailbox },
        clock: ports.clock,
        random: system_random(),
    })
}
