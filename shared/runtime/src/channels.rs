//! The channels that a configuration gives.

use std::path::Path;
use std::sync::Arc;

use notify::{Channel, Mailer, Webhook};

use crate::config::{MAIL_FROM, SMTP_URL};
use crate::{Config, ConfigError};

/// Makes the channels; mail goes to a directory where no server takes it.
///
/// # Errors
/// [`ConfigError`] if an address cannot be one.
pub fn channels(config: &Config, mail: Option<&Path>) -> Result<Vec<Arc<dyn Channel>>, ConfigError> {
    let mailer = match (&config.smtp_url, mail) {
        (Some(url), _) => Mailer::smtp(url, &config.mail_from),
        (None, Some(directory)) => Mailer::directory(directory, &config.mail_from),
        // A function that sends nothing has no mail server.
        (None, None) => return Ok(Vec::new()),
    };
    let mailer = mailer
        .map_err(|fault| ConfigError(vec![format!("{SMTP_URL} or {MAIL_FROM} cannot be used: {fault}")]))?;
    Ok(vec![Arc::new(mailer), Arc::new(Webhook::new(config.reach))])
}
