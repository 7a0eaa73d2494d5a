//! Sends emails over SMTP, through Amazon SES, or into a directory.

mod directory;
mod message;
mod ses;
mod smtp;
mod smtp_url;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use domain::Timestamp;
use domain::user::MethodType;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lettre::message::Mailbox;
use lettre::{Address, Message};
use secrecy::{ExposeSecret, SecretString};

use self::directory::Directory;
use self::ses::SesClient;
pub use self::ses::SesSettings;
use self::smtp::SmtpClient;
use self::smtp_url::MailServer;
use super::{Channel, Receipt, SendError};
use crate::{OutgoingNotification, ServiceEmail};

/// The time limit of a send: half of the lease of a claim.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The email settings are invalid. The URL of a mail server holds a password, so the messages show no part of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The URL of the mail server cannot be parsed.
    #[error("the mail server URL must look like `smtp://user:password@host:port?tls=required`: {0}")]
    BadUrl(&'static str),
    /// The sender is not an email address.
    #[error("the sender must look like `Firebell <pages@example.com>`")]
    BadSender,
}

/// The channel for email.
pub struct Mailer {
    /// The sender address.
    from: Mailbox,
    /// How emails are sent.
    transport: Transport,
    /// The time limit of a send.
    timeout: Duration,
}

/// How emails are sent.
enum Transport {
    /// Over SMTP to a mail server.
    Smtp(SmtpClient),
    /// Through Amazon SES.
    Ses(Box<SesClient>),
    /// As files in a directory.
    Directory(Directory),
}

impl Mailer {
    /// Creates a mailer for an SMTP server: `smtp://user:password@host:port` or `smtps://…`.
    ///
    /// For `smtp://`, the parameter `tls` (`required`, `opportunistic` or `none`) says whether the connection switches
    /// to TLS. The default is `opportunistic`, and `none` for a server on the same machine.
    ///
    /// # Errors
    /// [`SettingsError`] if the URL or the sender is invalid.
    pub fn smtp(url: &SecretString, from: &str) -> Result<Self, SettingsError> {
        let from = sender(from)?;
        let server = MailServer::parse(url.expose_secret())?;
        let smtp = SmtpClient::new(server, from.email.domain());
        Ok(Self { from, transport: Transport::Smtp(smtp), timeout: TIMEOUT })
    }

    /// Creates a mailer for Amazon SES.
    ///
    /// # Errors
    /// [`SettingsError`] if the sender is invalid.
    pub fn ses(settings: SesSettings, from: &str) -> Result<Self, SettingsError> {
        let transport = Transport::Ses(Box::new(SesClient::new(settings)));
        Ok(Self { from: sender(from)?, transport, timeout: TIMEOUT })
    }

    /// Creates a mailer that writes each email to a file, for a machine without a mail server.
    ///
    /// # Errors
    /// [`SettingsError`] if the sender is invalid.
    pub fn directory(directory: impl Into<PathBuf>, from: &str) -> Result<Self, SettingsError> {
        let transport = Transport::Directory(Directory::new(directory.into()));
        Ok(Self { from: sender(from)?, transport, timeout: TIMEOUT })
    }

    /// Sets the time limit of a send.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Describes where emails go, without secrets.
    pub fn destination(&self) -> String {
        match &self.transport {
            Transport::Smtp(smtp) => smtp.server().to_string(),
            Transport::Ses(ses) => ses.destination(),
            Transport::Directory(directory) => directory.path().display().to_string(),
        }
    }

    /// Connects to the mail server and logs in, without sending anything. Other destinations are not checked.
    ///
    /// # Errors
    /// [`SendError`] if the mail server cannot be used now.
    pub async fn check(&self) -> Result<(), SendError> {
        match &self.transport {
            Transport::Smtp(smtp) => self.with_time_limit(smtp.check(&self.from.email)).await,
            Transport::Ses(_) | Transport::Directory(_) => Ok(()),
        }
    }

    /// Sends one email, without a time limit.
    async fn deliver(
        &self,
        (address, title, when): (&str, &str, Timestamp),
        build: impl FnOnce(&Address) -> Result<Message, lettre::error::Error>,
    ) -> Result<Receipt, SendError> {
        let to: Address =
            address.trim().parse().map_err(|error: lettre::address::AddressError| SendError::Permanent {
                reason: "the address is not a valid email address".to_owned(),
                source: Some(error.into()),
            })?;
        let message = build(&to).map_err(|error| SendError::Transient {
            reason: "cannot build the email".to_owned(),
            source: Some(error.into()),
        })?;
        match &self.transport {
            Transport::Smtp(smtp) => {
                smtp.send(&self.from.email, &to, &message.formatted(), self.timeout / 5).await
            }
            Transport::Ses(ses) => {
                let parties = (&self.from.email, &to);
                ses.send(parties, &message.formatted(), when, self.timeout).await
            }
            Transport::Directory(directory) => directory.write(title, &message.formatted()),
        }
    }
}

impl Mailer {
    /// Applies the time limit to a send.
    async fn with_time_limit<T>(
        &self,
        sending: impl Future<Output = Result<T, SendError>>,
    ) -> Result<T, SendError> {
        let sent = tokio::time::timeout(self.timeout, sending).await;
        sent.unwrap_or_else(|_| {
            let reason = format!("the mail server did not finish within {} s", self.timeout.as_secs_f32());
            Err(SendError::Transient { reason, source: None })
        })
    }
}

/// Parses the sender address.
fn sender(from: &str) -> Result<Mailbox, SettingsError> {
    from.trim().parse().map_err(|_| SettingsError::BadSender)
}

impl Channel for Mailer {
    fn method_type(&self) -> MethodType {
        MethodType::Email
    }

    fn send<'a>(
        &'a self,
        notification: &'a OutgoingNotification,
    ) -> BoxFuture<'a, Result<Receipt, SendError>> {
        let build = |to: &Address| message::build(&self.from, to, notification);
        self.with_time_limit(
            self.deliver((&notification.address, &notification.title, notification.when), build),
        )
        .boxed()
    }

    fn send_service_email<'a>(
        &'a self,
        email: &'a ServiceEmail,
    ) -> BoxFuture<'a, Result<Receipt, SendError>> {
        let build = |to: &Address| message::service_email(&self.from, to, email);
        self.with_time_limit(self.deliver((&email.address, &email.title, email.when), build)).boxed()
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("destination", &self.destination()).finish_non_exhaustive()
    }
}
