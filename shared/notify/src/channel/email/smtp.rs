//! Sends one email over SMTP, command by command, because which command was rejected decides whether a retry helps.

use std::error::Error as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use tokio::time::Instant;

use super::smtp_url::{Encryption, MailServer};
use crate::channel::{Receipt, Rejection, SendError};

/// How many idle connections are kept.
const MAX_IDLE: usize = 2;

/// How long an idle connection is kept. Servers close idle connections after some minutes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// A client of one mail server.
pub(super) struct SmtpClient {
    /// The mail server.
    server: MailServer,
    /// The domain that the client names in its greeting.
    hello: ClientId,
    /// Idle connections, each with the time since when it is idle.
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

/// The step of a send in which an error happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Connecting, TLS handshake, authentication.
    Connect,
    /// `MAIL FROM`.
    Sender,
    /// `RCPT TO`.
    Recipient,
    /// `DATA`.
    Data,
    /// Sending the content. From here on the server may have accepted the email.
    Content,
}

/// A failed send.
struct SmtpFailure {
    /// The step that failed.
    stage: Stage,
    /// The error; `None` if the server did not reply in time.
    error: Option<Error>,
}

impl Stage {
    /// Turns an SMTP error into a failure of this step.
    const fn failed(self) -> impl Fn(Error) -> SmtpFailure {
        move |error| SmtpFailure { stage: self, error: Some(error) }
    }
}

impl SmtpClient {
    /// Creates the client. It connects when there is an email to send.
    pub(super) fn new(server: MailServer, our_domain: &str) -> Self {
        Self { server, hello: ClientId::Domain(our_domain.to_owned()), idle: Mutex::default() }
    }

    /// The mail server.
    pub(super) const fn server(&self) -> &MailServer {
        &self.server
    }

    /// Sends one email, over an idle connection if there is one.
    ///
    /// An idle connection may be dead without notice, for example after a function was frozen. Its first reply must
    /// arrive within `first_reply`; otherwise the email is sent over a new connection.
    pub(super) async fn send(
        &self,
        from: &Address,
        to: &Address,
        mail: &[u8],
        first_reply: Duration,
    ) -> Result<Receipt, SendError> {
        let result = match self.take_idle() {
            Some(connection) => match self.send_over(connection, from, to, mail, first_reply).await {
                Err(failure) if failure.is_stale_connection() => {
                    self.drop_idle();
                    self.send_over_new(from, to, mail).await
                }
                result => result,
            },
            None => self.send_over_new(from, to, mail).await,
        };
        result.map_err(|failure| failure.into_error(to))
    }

    /// Connects and logs in; `from` is kept out of the error.
    pub(super) async fn check(&self, from: &Address) -> Result<(), SendError> {
        let connected = self.connect().await.map_err(Stage::Connect.failed());
        self.keep_idle(connected.map_err(|failure| failure.into_error(from))?);
        Ok(())
    }

    /// Sends one email over a new connection.
    async fn send_over_new(&self, from: &Address, to: &Address, mail: &[u8]) -> Result<Receipt, SmtpFailure> {
        let connection = self.connect().await.map_err(Stage::Connect.failed())?;
        self.send_over(connection, from, to, mail, Duration::MAX).await
    }

    /// Sends one email over a connection, and keeps the connection if the send succeeded.
    async fn send_over(
        &self,
        mut connection: AsyncSmtpConnection,
        from: &Address,
        to: &Address,
        mail: &[u8],
        first_reply: Duration,
    ) -> Result<Receipt, SmtpFailure> {
        let ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
        let international = !ascii(from) || !ascii(to);
        let supported = connection.server_info().supports_feature(Extension::SmtpUtfEight);
        let parameters =
            if international && supported { vec![MailParameter::SmtpUtfEight] } else { Vec::new() };
        let sender = Mail::new(Some(from.clone()), parameters);
        match tokio::time::timeout(first_reply, connection.command(sender)).await {
            Ok(reply) => reply.map_err(Stage::Sender.failed())?,
            Err(_) => return Err(SmtpFailure { stage: Stage::Sender, error: None }),
        };
        connection.command(Rcpt::new(to.clone(), Vec::new())).await.map_err(Stage::Recipient.failed())?;
        connection.command(Data).await.map_err(Stage::Data.failed())?;
        let response = connection.message(mail).await.map_err(Stage::Content.failed())?;
        self.keep_idle(connection);
        let reply: Vec<&str> = response.message().collect();
        Ok(Receipt::new(&format!("{} {}", response.code(), reply.join(" "))))
    }

    /// Connects, starts TLS, and authenticates.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let MailServer { host, port, encryption, credentials } = &self.server;
        let tls = || TlsParameters::new(host.clone());
        let wrapper = match encryption {
            Encryption::Wrapped => Some(tls()?),
            Encryption::Required | Encryption::Opportunistic | Encryption::None => None,
        };
        let address = (host.as_str(), *port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(address, None, &self.hello, wrapper, None).await?;
        let start_tls = match encryption {
            Encryption::Required => true,
            Encryption::Opportunistic => connection.can_starttls(),
            Encryption::Wrapped | Encryption::None => false,
        };
        if start_tls {
            connection.starttls(tls()?, &self.hello).await?;
        }
        if let Some(credentials) = credentials {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await?;
        }
        Ok(connection)
    }

    /// Takes an idle connection, if one is recent enough.
    fn take_idle(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE_TIMEOUT);
        idle.pop().map(|(connection, _)| connection)
    }

    /// Keeps a connection for the next email.
    fn keep_idle(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push((connection, Instant::now()));
        }
    }

    /// Drops all idle connections: if one was dead, the older ones are dead too.
    fn drop_idle(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl SmtpFailure {
    /// Whether the server closed the connection before it could have accepted the email.
    fn is_stale_connection(&self) -> bool {
        let closed = match self.error.as_ref().and_then(Error::status) {
            Some(code) => u16::from(code) == 421,
            None => true,
        };
        closed && matches!(self.stage, Stage::Sender | Stage::Recipient | Stage::Data)
    }

    /// Classifies the failure as transient or permanent.
    fn into_error(self, to: &Address) -> SendError {
        let Self { stage, error } = self;
        let reason = match stage {
            Stage::Connect => "cannot connect to the mail server",
            Stage::Sender => "the mail server rejected the sender",
            Stage::Recipient => "the mail server rejected the recipient",
            Stage::Data => "the mail server rejected the email",
            Stage::Content => "the mail server may not have accepted the email",
        };
        let reason = reason.to_owned();
        let Some(error) = error else { return SendError::Transient { reason, source: None } };
        let Some(code) = error.status().map(u16::from) else {
            return SendError::Transient { reason, source: Some(error.into()) };
        };
        let text = error.source().map(ToString::to_string).unwrap_or_default();
        let permanent = stage == Stage::Recipient && is_unknown_address(code, &text);
        let source = Some(Rejection::new(code, &text, to.as_ref()).into());
        if permanent {
            SendError::Permanent { reason, source }
        } else {
            SendError::Transient { reason, source }
        }
    }
}

/// Whether a reply to `RCPT TO` means that the address does not exist.
///
/// Many servers also reply 550 for a full mailbox, a policy or an internal error. The enhanced status code (RFC 3463),
/// if present, tells these apart: only an error of the address itself is permanent.
fn is_unknown_address(code: u16, text: &str) -> bool {
    let enhanced = text.split_whitespace().next().and_then(|word| {
        let mut parts = word.split('.').map(str::parse::<u16>);
        match (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?, parts.next()) {
            (class, subject, detail, None) => Some((class, subject, detail)),
            _ => None,
        }
    });
    match enhanced {
        Some((5, 1, detail)) => (500..600).contains(&code) && detail <= 3 || detail == 6 || detail == 10,
        Some((5, 2, 1)) => true,
        Some((5, 0 | 5, _)) | None => matches!(code, 550 | 551 | 553 | 556),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_of_the_address_itself_are_permanent() {
        let cases = [
            (550, "No such user here", true),
            (550, "5.1.1 <ada@example.com>: Recipient address rejected: User unknown", true),
            (550, "5.1.2 bad destination system", true),
            (550, "5.1.6 mailbox has moved", true),
            (556, "5.1.10 domain does not accept mail", true),
            (550, "5.2.1 mailbox disabled", true),
            (550, "5.5.0 mailbox unavailable", true),
            (551, "user not local", true),
            (553, "mailbox name not allowed", true),
            (550, "5.1.8 sender's domain does not resolve", false),
            (552, "mailbox full", false),
            (552, "5.2.2 mailbox full", false),
            (550, "5.2.2 over quota", false),
            (550, "5.4.1 no answer from host", false),
            (550, "5.7.1 relaying denied", false),
            (554, "5.7.1 client host blocked", false),
            (554, "transaction failed", false),
            (530, "authentication required", false),
            (503, "bad sequence of commands", false),
            (450, "4.1.1 user unknown, try later", false),
            (451, "greylisted", false),
        ];
        for (code, text, expected) in cases {
            assert_eq!(is_unknown_address(code, text), expected, "{code} {text}");
        }
    }
}
