//! What functions are built from, as the configuration says: the product's one `Context`.

use std::sync::Arc;

use app::seal::Seal;
use app::{Clock, Context, Incoming};
use machine::Observe;
use mail::Mailbox;
use notify::Channel;
use secrecy::SecretString;
use store::{Queues, Store};

use crate::{Config, ConfigError, system_random};

/// What no configuration says.
pub struct Ports {
    /// The client of the database.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The client of the queues.
    pub sqs: aws_sdk_sqs::Client,
    /// Hears of transitions.
    pub observe: Arc<dyn Observe>,
    /// The key of the installation.
    pub key: SecretString,
    /// The channels that notifications are sent by.
    pub channels: Vec<Arc<dyn Channel>>,
    /// Where mails for alert sources lie.
    pub mailbox: Option<Arc<dyn Mailbox>>,
    /// Tells the time.
    pub clock: Clock,
}

/// Makes what functions are built from.
///
/// # Errors
/// [`ConfigError`] if the address of Slack's API cannot be used.
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
        oidc: crate::provider(config),
        first_key: config.api_key.clone(),
        mail: Incoming { domain: config.mail_domain.clone(), mailbox: ports.mailbox },
        clock: ports.clock,
        random: system_random(),
    })
}
