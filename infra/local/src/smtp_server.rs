//! Receives email over SMTP as SES does on AWS: stores it, sends a message to the queue `mail-receive`, then answers.

use std::sync::Arc;

use app::{Clock, Random};
use domain::message::Queue;
use embedded::{NewMessage, Queues};
use mail::MailNotification;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::received_mail::ReceivedMail;

/// The most bytes of an email: the limit of SES.
const MOST_BYTES: usize = 40 * 1024 * 1024;
/// The most bytes of a command line: twice the limit of RFC 5321.
const MOST_LINE: u64 = 2048;
/// The most recipients of an email.
const MOST_RECIPIENTS: usize = 100;
/// How long a connection may last: a silent sender takes the place of another.
const LONGEST_CONNECTION: std::time::Duration = std::time::Duration::from_secs(600);
/// The most connections at the same time.
const MOST_CONNECTIONS: usize = 64;

/// The SMTP server.
#[derive(Clone)]
pub struct SmtpServer {
    /// The domain of the addresses that receive email.
    pub domain: String,
    /// The store of received email.
    pub mailbox: ReceivedMail,
    /// The queues; one gets a message for each email.
    pub queues: Queues,
    /// The clock.
    pub clock: Clock,
    /// The source of random bits.
    pub random: Random,
}

/// How the content of an email ended.
enum ContentEnd {
    Complete,
    TooLarge,
    Disconnected,
}

impl SmtpServer {
    /// Serves connections until the task ends.
    pub async fn serve(self, listener: TcpListener) {
        let server = Arc::new(self);
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            if connections.len() >= MOST_CONNECTIONS {
                connections.join_next().await;
            }
            match listener.accept().await {
                Ok((stream, _)) => {
                    let server = server.clone();
                    connections.spawn(async move {
                        tokio::time::timeout(LONGEST_CONNECTION, server.session(stream)).await
                    });
                }
                Err(error) => {
                    warn!(%error, "cannot accept SMTP connection");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Serves one connection.
    async fn session(&self, stream: TcpStream) -> std::io::Result<()> {
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::new(read);
        write.write_all(format!("220 {} ESMTP Firebell\r\n", self.domain).as_bytes()).await?;
        let mut recipients: Vec<String> = Vec::new();
        let mut begun = false;
        loop {
            let mut line = Vec::new();
            if (&mut read).take(MOST_LINE).read_until(b'\n', &mut line).await? == 0 {
                return Ok(());
            }
            if !line.ends_with(b"\n") {
                write.write_all(b"500 line too long\r\n").await?;
                return Ok(());
            }
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end();
            let verb = line.get(..4).unwrap_or(line).to_uppercase();
            let answer = match verb.as_str() {
                "EHLO" => {
                    (recipients, begun) = (Vec::new(), false);
                    format!("250-{}\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE {MOST_BYTES}", self.domain)
                }
                "HELO" => format!("250 {}", self.domain),
                "MAIL" => {
                    (recipients, begun) = (Vec::new(), true);
                    "250 OK".to_owned()
                }
                "RCPT" if !begun => "503 send MAIL first".to_owned(),
                "RCPT" if recipients.len() >= MOST_RECIPIENTS => "452 too many recipients".to_owned(),
                "RCPT" => match self.recipient(line) {
                    Some(recipient) => {
                        recipients.push(recipient);
                        "250 OK".to_owned()
                    }
                    None => format!(
                        "550 no alert source has this address; their addresses end in @{}",
                        self.domain
                    ),
                },
                "DATA" if recipients.is_empty() => "503 send RCPT first".to_owned(),
                "DATA" => {
                    write.write_all(b"354 send the email, and end with a line that is a dot\r\n").await?;
                    let mut mail = Vec::new();
                    let answer = match read_content(&mut read, &mut mail).await? {
                        ContentEnd::Disconnected => return Ok(()),
                        ContentEnd::TooLarge => {
                            format!("552 the email is too large: the limit is {MOST_BYTES} bytes")
                        }
                        ContentEnd::Complete => self.store(&recipients, &mail),
                    };
                    (recipients, begun) = (Vec::new(), false);
                    answer
                }
                "RSET" => {
                    (recipients, begun) = (Vec::new(), false);
                    "250 OK".to_owned()
                }
                "NOOP" => "250 OK".to_owned(),
                "QUIT" => {
                    write.write_all(b"221 bye\r\n").await?;
                    return Ok(());
                }
                _ => "502 unknown command".to_owned(),
            };
            write.write_all(answer.as_bytes()).await?;
            write.write_all(b"\r\n").await?;
        }
    }

    /// The recipient that a line names; `None` if its address cannot be the address of an alert source.
    fn recipient(&self, line: &str) -> Option<String> {
        let address = line.split(['<', '>']).nth(1)?;
        let (local, domain) = address.rsplit_once('@')?;
        sources::parse_mail_address(local).filter(|_| domain.eq_ignore_ascii_case(&self.domain))?;
        Some(address.to_owned())
    }

    /// Stores an email and returns the answer. After an answer of 250 the email is not lost.
    fn store(&self, recipients: &[String], mail: &[u8]) -> String {
        let key = format!("{:032x}", (self.random)());
        let received = json!({
            "notificationType": "Received",
            "receipt": { "recipients": recipients, "action": { "type": "S3", "objectKey": key } },
            "mail": { "timestamp": (self.clock)(), "messageId": key },
        });
        debug_assert!(serde_json::from_value::<MailNotification>(received.clone()).is_ok(), "{received}");
        let kept = self.mailbox.put(&key, mail).map_err(|error| error.to_string());
        let announced = kept.and_then(|()| {
            let message = NewMessage { body: received.to_string(), group: None, delay_s: 0 };
            self.queues.send(Queue::MailReceive.name(), message).map_err(|error| error.to_string())
        });
        match announced {
            Ok(_) => {
                info!(mail.id = key, bytes = mail.len(), "received an email");
                format!("250 stored as {key}")
            }
            Err(error) => {
                warn!(%error, "cannot store received email");
                "451 the email could not be stored: send it again".to_owned()
            }
        }
    }
}

/// Reads the content of an email up to the line that is a dot.
async fn read_content(
    read: &mut (impl AsyncBufReadExt + Unpin),
    mail: &mut Vec<u8>,
) -> std::io::Result<ContentEnd> {
    let mut too_large = false;
    loop {
        let line_start = mail.len();
        if (&mut *read).take(MOST_BYTES as u64).read_until(b'\n', mail).await? == 0 {
            return Ok(ContentEnd::Disconnected);
        }
        match &mail[line_start..] {
            b".\r\n" | b".\n" => {
                mail.truncate(line_start);
                return Ok(if too_large { ContentEnd::TooLarge } else { ContentEnd::Complete });
            }
            [b'.', ..] => {
                mail.remove(line_start);
            }
            _ => {}
        }
        if mail.len() > MOST_BYTES {
            too_large = true;
            mail.clear();
        }
    }
}
