//! The channels that a configuration gives.

use std::path::Path;
use std::sync::Arc;

use notify::{Channel, Mailer, Webhook};

use crate::config::{MAIL_FROM, SMTP_URL};
use crate::{Config, ConfigError};

/// Makes the channels; mail goes to a server, else to SES, else to a directory.
///
/// # Errors
/// [`ConfigError`] if an address cannot be one.
pub fn channels(config: &Config, mail: Option<&Path>) -> Result<Vec<Arc<dyn Channel>>, ConfigError> {
    let mut channels: Vec<Arc<dyn Channel>> = vec![Arc::new(Webhook::new(config.reach))];
    let mailer = match (&config.smtp_url, &config.ses, mail) {
        (Some(url), _, _) => Mailer::smtp(url, &config.mail_from),
        (None, Some(ses), _) => Mailer::ses(ses.clone(), &config.mail_from),
        (None, None, Some(directory)) => Mailer::directory(directory, &config.mail_from),
        // Nobody is reached by mail here.
        (None, None, None) => return Ok(channels),
    };
    let mailer = mailer
        .map_err(|fault| ConfigError(vec![format!("{SMTP_URL} or {MAIL_FROM} cannot be used: {fault}")]))?;
    channels.push(Arc::new(mailer));
    Ok(channels)
}
