//! One mail over SMTP, command by command: whether a refusal is for ever depends on what was refused.

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

use super::server::{Encryption, Server};
use crate::channel::{Answer, Receipt, SendError};

/// How many idle connections are kept.
const MOST_IDLE: usize = 2;

/// How long an idle connection is kept; servers hang up after some minutes.
const LONGEST_IDLE: Duration = Duration::from_secs(60);

/// Speaks to one mail server.
pub(super) struct Smtp {
    /// The server.
    server: Server,
    /// Who we say we are.
    hello: ClientId,
    /// Connections that wait for the next mail, and since when.
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

/// What was being done when something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Connecting, encrypting, logging in.
    Connect,
    /// Naming the sender.
    Sender,
    /// Naming the recipient.
    Recipient,
    /// Announcing the mail.
    Data,
    /// Sending the mail: from here on the server may have taken it.
    Content,
}

/// What failed, and where.
struct Failure {
    /// Where.
    stage: Stage,
    /// What; nothing if there was no answer.
    error: Option<Error>,
}

impl Stage {
    /// Makes an error one of this stage.
    const fn failed(self) -> impl Fn(Error) -> Failure {
        move |error| Failure { stage: self, error: Some(error) }
    }
}

impl Smtp {
    /// Connects when there is something to send.
    pub(super) fn new(server: Server, our_domain: &str) -> Self {
        Self { server, hello: ClientId::Domain(our_domain.to_owned()), idle: Mutex::default() }
    }

    /// The server.
    pub(super) const fn server(&self) -> &Server {
        &self.server
    }

    /// Sends one mail, over a connection that is still open if there is one.
    ///
    /// A connection that lay idle may be dead without a word, as after a function was frozen; so it has `patience` to
    /// give its first answer.
    pub(super) async fn send(
        &self,
        from: &Address,
        to: &Address,
        mail: &[u8],
        patience: Duration,
    ) -> Result<Receipt, SendError> {
        let result = match self.take() {
            Some(connection) => match self.send_over(connection, from, to, mail, patience).await {
                Err(failure) if failure.is_of_a_stale_connection() => {
                    self.forget();
                    self.send_anew(from, to, mail).await
                }
                result => result,
            },
            None => self.send_anew(from, to, mail).await,
        };
        result.map_err(|failure| failure.into_error(to))
    }

    /// Connects and logs in; `from` is kept out of the error.
    pub(super) async fn check(&self, from: &Address) -> Result<(), SendError> {
        let connected = self.connect().await.map_err(Stage::Connect.failed());
        self.keep(connected.map_err(|failure| failure.into_error(from))?);
        Ok(())
    }

    /// Sends one mail over a new connection.
    async fn send_anew(&self, from: &Address, to: &Address, mail: &[u8]) -> Result<Receipt, Failure> {
        let connection = self.connect().await.map_err(Stage::Connect.failed())?;
        self.send_over(connection, from, to, mail, Duration::MAX).await
    }

    /// Sends one mail over this connection, which is kept only if all went well.
    async fn send_over(
        &self,
        mut connection: AsyncSmtpConnection,
        from: &Address,
        to: &Address,
        mail: &[u8],
        patience: Duration,
    ) -> Result<Receipt, Failure> {
        let ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
        let international = !ascii(from) || !ascii(to);
        let supported = connection.server_info().supports_feature(Extension::SmtpUtfEight);
        let parameters =
            if international && supported { vec![MailParameter::SmtpUtfEight] } else { Vec::new() };
        let sender = Mail::new(Some(from.clone()), parameters);
        match tokio::time::timeout(patience, connection.command(sender)).await {
            Ok(answer) => answer.map_err(Stage::Sender.failed())?,
            Err(_) => return Err(Failure { stage: Stage::Sender, error: None }),
        };
        connection.command(Rcpt::new(to.clone(), Vec::new())).await.map_err(Stage::Recipient.failed())?;
        connection.command(Data).await.map_err(Stage::Data.failed())?;
        let response = connection.message(mail).await.map_err(Stage::Content.failed())?;
        self.keep(connection);
        let words: Vec<&str> = response.message().collect();
        Ok(Receipt::new(&format!("{} {}", response.code(), words.join(" "))))
    }

    /// Connects, encrypts, logs in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let Server { host, port, encryption, credentials } = &self.server;
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

    /// Takes an idle connection, if one is young enough.
    fn take(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < LONGEST_IDLE);
        idle.pop().map(|(connection, _)| connection)
    }

    /// Keeps a connection for the next mail.
    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE {
            idle.push((connection, Instant::now()));
        }
    }

    /// Forgets idle connections: where one was stale, so are those that are older.
    fn forget(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Failure {
    /// Whether the server had hung up before it could have taken anything.
    fn is_of_a_stale_connection(&self) -> bool {
        let hung_up = match self.error.as_ref().and_then(Error::status) {
            Some(code) => u16::from(code) == 421,
            None => true,
        };
        hung_up && matches!(self.stage, Stage::Sender | Stage::Recipient | Stage::Data)
    }

    /// What it means for the page.
    fn into_error(self, to: &Address) -> SendError {
        let Self { stage, error } = self;
        let reason = match stage {
            Stage::Connect => "there is no connection to the mail server",
            Stage::Sender => "the mail server did not take the sender",
            Stage::Recipient => "the mail server did not take the recipient",
            Stage::Data => "the mail server did not take the mail",
            Stage::Content => "the mail server may not have taken the mail",
        };
        let reason = reason.to_owned();
        let Some(error) = error else { return SendError::Transient { reason, source: None } };
        let Some(code) = error.status().map(u16::from) else {
            return SendError::Transient { reason, source: Some(error.into()) };
        };
        let text = error.source().map(ToString::to_string).unwrap_or_default();
        let for_ever = stage == Stage::Recipient && is_no_address(code, &text);
        let source = Some(Answer::new(code, &text, to.as_ref()).into());
        if for_ever {
            SendError::Permanent { reason, source }
        } else {
            SendError::Transient { reason, source }
        }
    }
}

/// Whether an answer to a recipient says that there is no such address, now and later.
///
/// Many servers say 550 as well for a full mailbox, a policy or trouble of their own. Where there is an enhanced code
/// (RFC 3463), it tells these apart: only what is wrong with the address itself is for ever.
fn is_no_address(code: u16, text: &str) -> bool {
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
    fn only_what_is_wrong_with_the_address_itself_is_for_ever() {
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
            assert_eq!(is_no_address(code, text), expected, "{code} {text}");
        }
    }
}
