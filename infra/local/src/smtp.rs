//! Takes mail over SMTP, and does with it what SES does: keeps it, says on a queue that it came, and only then answers.

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

use crate::mailbox::Directory;

/// The most bytes of a mail, as SES has it.
const MOST_BYTES: usize = 40 * 1024 * 1024;
/// The most bytes of a line: twice what RFC 5321 allows.
const MOST_LINE: u64 = 2048;
/// The most recipients of a mail.
const MOST_RECIPIENTS: usize = 100;
/// How long one sender is listened to: who says nothing takes the place of another.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(600);
/// The most senders at once.
const MOST_SENDERS: usize = 64;

/// What takes mail.
#[derive(Clone)]
pub struct Smtp {
    /// What stands behind the `@` of what is taken.
    pub domain: String,
    /// Where mail is kept.
    pub mailbox: Directory,
    /// Where it is said that one came.
    pub queues: Queues,
    /// Tells the time.
    pub clock: Clock,
    /// Gives random bits.
    pub random: Random,
}

/// How a mail's text ended.
enum Ended {
    Whole,
    TooLarge,
    Broken,
}

impl Smtp {
    /// Takes mail for ever.
    pub async fn serve(self, listener: TcpListener) {
        let own = Arc::new(self);
        let mut senders = JoinSet::new();
        loop {
            while senders.try_join_next().is_some() {}
            if senders.len() >= MOST_SENDERS {
                senders.join_next().await;
            }
            match listener.accept().await {
                Ok((stream, _)) => {
                    let own = own.clone();
                    senders.spawn(async move { tokio::time::timeout(LONGEST, own.speak(stream)).await });
                }
                Err(error) => {
                    warn!(%error, "a sender of mail could not be heard");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Speaks with one sender.
    async fn speak(&self, stream: TcpStream) -> std::io::Result<()> {
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
                write.write_all(b"500 that line is too long\r\n").await?;
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
                    "250 go on".to_owned()
                }
                "RCPT" if !begun => "503 say MAIL before".to_owned(),
                "RCPT" if recipients.len() >= MOST_RECIPIENTS => {
                    "452 those are enough for one mail".to_owned()
                }
                "RCPT" => match self.taken(line) {
                    Some(recipient) => {
                        recipients.push(recipient);
                        "250 go on".to_owned()
                    }
                    None => format!("550 no alert source has this address; they end in @{}", self.domain),
                },
                "DATA" if recipients.is_empty() => "503 say RCPT before".to_owned(),
                "DATA" => {
                    write.write_all(b"354 end with a dot\r\n").await?;
                    let mut mail = Vec::new();
                    let answer = match text(&mut read, &mut mail).await? {
                        Ended::Broken => return Ok(()),
                        Ended::TooLarge => format!("552 a mail has at most {MOST_BYTES} bytes"),
                        Ended::Whole => self.take(&recipients, &mail),
                    };
                    (recipients, begun) = (Vec::new(), false);
                    answer
                }
                "RSET" => {
                    (recipients, begun) = (Vec::new(), false);
                    "250 forgotten".to_owned()
                }
                "NOOP" => "250 well".to_owned(),
                "QUIT" => {
                    write.write_all(b"221 good bye\r\n").await?;
                    return Ok(());
                }
                _ => "502 that is not spoken here".to_owned(),
            };
            write.write_all(answer.as_bytes()).await?;
            write.write_all(b"\r\n").await?;
        }
    }

    /// The recipient that a line names, if its address may be that of an alert source.
    fn taken(&self, line: &str) -> Option<String> {
        let address = line.split(['<', '>']).nth(1)?;
        let (local, domain) = address.rsplit_once('@')?;
        sources::parse_mail_address(local).filter(|_| domain.eq_ignore_ascii_case(&self.domain))?;
        Some(address.to_owned())
    }

    /// Takes a mail; the answer is a promise.
    fn take(&self, recipients: &[String], mail: &[u8]) -> String {
        let key = format!("{:032x}", (self.random)());
        let received = json!({
            "notificationType": "Received",
            "receipt": { "recipients": recipients, "action": { "type": "S3", "objectKey": key } },
            "mail": { "timestamp": (self.clock)(), "messageId": key },
        });
        debug_assert!(serde_json::from_value::<MailNotification>(received.clone()).is_ok(), "{received}");
        let kept = self.mailbox.put(&key, mail).map_err(|error| error.to_string());
        let told = kept.and_then(|()| {
            let message = NewMessage { body: received.to_string(), group: None, delay_s: 0 };
            self.queues.send(Queue::MailReceive.name(), message).map_err(|error| error.to_string())
        });
        match told {
            Ok(_) => {
                info!(mail.id = key, bytes = mail.len(), "took a mail");
                format!("250 taken as {key}")
            }
            Err(error) => {
                warn!(%error, "a mail could not be taken");
                "451 it could not be kept: send it again".to_owned()
            }
        }
    }
}

/// Reads a mail's text up to the line that is a dot.
async fn text(read: &mut (impl AsyncBufReadExt + Unpin), mail: &mut Vec<u8>) -> std::io::Result<Ended> {
    let mut too_large = false;
    loop {
        let begins = mail.len();
        if (&mut *read).take(MOST_BYTES as u64).read_until(b'\n', mail).await? == 0 {
            return Ok(Ended::Broken);
        }
        match &mail[begins..] {
            b".\r\n" | b".\n" => {
                mail.truncate(begins);
                return Ok(if too_large { Ended::TooLarge } else { Ended::Whole });
            }
            [b'.', ..] => {
                mail.remove(begins);
            }
            _ => {}
        }
        if mail.len() > MOST_BYTES {
            too_large = true;
            mail.clear();
        }
    }
}
