//! Mail, over SMTP, by SES or into a directory.

mod directory;
mod message;
mod server;
mod ses;
mod smtp;

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
use self::server::Server;
use self::ses::Ses;
pub use self::ses::SesSettings;
use self::smtp::Smtp;
use super::{Channel, Receipt, SendError};
use crate::{Letter, Outgoing};

/// How long a send may take in all: half of the lease of a claim.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The settings make no sense. The address of a mail server holds a password, so that none of it is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The address of the mail server cannot be read.
    #[error("the address of the mail server is not like `smtp://user:password@host:port?tls=required`: {0}")]
    BadUrl(&'static str),
    /// The sender is no mail address.
    #[error("the sender is not like `Firebell <pages@example.com>`")]
    BadSender,
}

/// Sends mails.
pub struct Mailer {
    /// The sender.
    from: Mailbox,
    /// Where mails go.
    transport: Transport,
    /// How long a send may take in all.
    timeout: Duration,
}

/// Where mails go.
enum Transport {
    /// To a mail server.
    Smtp(Smtp),
    /// To SES.
    Ses(Box<Ses>),
    /// Into files.
    Directory(Directory),
}

impl Mailer {
    /// Sends over SMTP: `smtp://user:password@host:port` or `smtps://…`.
    ///
    /// `?tls=required`, `opportunistic` or `none` says whether `smtp://` goes over to TLS; without it, that is
    /// opportunistic, and none on the same machine.
    ///
    /// # Errors
    /// [`SettingsError`] if either cannot be read.
    pub fn smtp(url: &SecretString, from: &str) -> Result<Self, SettingsError> {
        let from = sender(from)?;
        let server = Server::parse(url.expose_secret())?;
        let smtp = Smtp::new(server, from.email.domain());
        Ok(Self { from, transport: Transport::Smtp(smtp), timeout: TIMEOUT })
    }

    /// Hands mail over to SES.
    ///
    /// # Errors
    /// [`SettingsError`] if the sender cannot be read.
    pub fn ses(settings: SesSettings, from: &str) -> Result<Self, SettingsError> {
        let transport = Transport::Ses(Box::new(Ses::new(settings)));
        Ok(Self { from: sender(from)?, transport, timeout: TIMEOUT })
    }

    /// Writes each mail to a file of its own, for a machine without a mail server.
    ///
    /// # Errors
    /// [`SettingsError`] if the sender cannot be read.
    pub fn directory(directory: impl Into<PathBuf>, from: &str) -> Result<Self, SettingsError> {
        let transport = Transport::Directory(Directory::new(directory.into()));
        Ok(Self { from: sender(from)?, transport, timeout: TIMEOUT })
    }

    /// Gives up after this long in all.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Says where mails go, without any secret.
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
            Transport::Smtp(smtp) => self.in_time(smtp.check(&self.from.email)).await,
            Transport::Ses(_) | Transport::Directory(_) => Ok(()),
        }
    }

    /// Sends one mail, however long it takes.
    async fn deliver(
        &self,
        (address, title, when): (&str, &str, Timestamp),
        build: impl FnOnce(&Address) -> Result<Message, lettre::error::Error>,
    ) -> Result<Receipt, SendError> {
        let to: Address =
            address.trim().parse().map_err(|error: lettre::address::AddressError| SendError::Permanent {
                reason: "the address is no mail address".to_owned(),
                source: Some(error.into()),
            })?;
        let message = build(&to).map_err(|error| SendError::Transient {
            reason: "the mail could not be written".to_owned(),
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
    /// Gives a send the time that it may take in all.
    async fn in_time<T>(&self, sending: impl Future<Output = Result<T, SendError>>) -> Result<T, SendError> {
        let sent = tokio::time::timeout(self.timeout, sending).await;
        sent.unwrap_or_else(|_| {
            let reason = format!("the mail server was not done within {} s", self.timeout.as_secs_f32());
            Err(SendError::Transient { reason, source: None })
        })
    }
}

/// Reads the sender.
fn sender(from: &str) -> Result<Mailbox, SettingsError> {
    from.trim().parse().map_err(|_| SettingsError::BadSender)
}

impl Channel for Mailer {
    fn method_type(&self) -> MethodType {
        MethodType::Email
    }

    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Result<Receipt, SendError>> {
        let build = |to: &Address| message::build(&self.from, to, outgoing);
        self.in_time(self.deliver((&outgoing.address, &outgoing.title, outgoing.when), build)).boxed()
    }

    fn write<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<Receipt, SendError>> {
        let build = |to: &Address| message::letter(&self.from, to, letter);
        self.in_time(self.deliver((&letter.address, &letter.title, letter.when), build)).boxed()
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("destination", &self.destination()).finish_non_exhaustive()
    }
}
