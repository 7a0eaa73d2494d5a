//! The notification channels of a configuration.

use std::path::Path;
use std::sync::Arc;

use notify::{Channel, Mailer, Webhook};

use crate::config::{MAIL_FROM, SMTP_URL};
use crate::{Config, ConfigError};

/// Creates the notification channels. Email goes to the mail server, else to SES, else to the directory `mail`.
///
/// # Errors
/// [`ConfigError`] if the mail server's URL or the sender's address is invalid.
pub fn channels(config: &Config, mail: Option<&Path>) -> Result<Vec<Arc<dyn Channel>>, ConfigError> {
    let mut channels: Vec<Arc<dyn Channel>> = vec![Arc::new(Webhook::new(config.reach))];
    if let Some(mailer) = mailer(config, mail)? {
        channels.push(Arc::new(mailer));
    }
    Ok(channels)
}

/// The email channel; `None` if this process sends no email.
fn mailer(config: &Config, mail: Option<&Path>) -> Result<Option<Mailer>, ConfigError> {
    let mailer = match (&config.smtp_url, &config.ses, mail) {
        (Some(url), _, _) => Mailer::smtp(url, &config.mail_from),
        (None, Some(ses), _) => Mailer::ses(ses.clone(), &config.mail_from),
        (None, None, Some(directory)) => Mailer::directory(directory, &config.mail_from),
        (None, None, None) => return Ok(None),
    };
    mailer
        .map(Some)
        .map_err(|fault| ConfigError(vec![format!("{SMTP_URL} or {MAIL_FROM} is invalid: {fault}")]))
}
