//! Sent email: readable copies of email that is written to files, and the check of the mail server.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use domain::user::MethodType;
use futures_util::future::BoxFuture;
use mail::ParsedMail;
use notify::{Channel, Mailer, OutgoingNotification, Receipt, SendError, ServiceEmail};
use tracing::{info, warn};

/// How often a mail server that cannot be reached is checked again.
const CHECK_EVERY: Duration = Duration::from_secs(5);

/// The channel of email that is written to files, with a readable `.txt` beside each `.eml`.
pub struct ReadableMail {
    channel: Arc<dyn Channel>,
    dir: PathBuf,
}

impl ReadableMail {
    /// Wraps the channels that send email into this directory; other channels stay as they are.
    pub fn wrap(channels: Vec<Arc<dyn Channel>>, dir: &Path) -> Vec<Arc<dyn Channel>> {
        let wrap = |channel: Arc<dyn Channel>| -> Arc<dyn Channel> {
            if channel.method_type() == MethodType::Email {
                Arc::new(Self { channel, dir: dir.to_owned() })
            } else {
                channel
            }
        };
        channels.into_iter().map(wrap).collect()
    }

    /// Writes the readable copy. If that fails the email is sent all the same.
    fn copy(&self, receipt: &Receipt) {
        // The channel's receipt is the name of the file.
        let file = self.dir.join(receipt.as_str());
        match write_copy(&file) {
            Ok(copy) => info!(mail.file = %copy.display(), "wrote an email"),
            Err(error) => {
                warn!(mail.file = %file.display(), %error, "wrote an email without a readable copy")
            }
        }
    }
}

impl Channel for ReadableMail {
    fn method_type(&self) -> MethodType {
        self.channel.method_type()
    }

    fn send<'a>(&'a self, outgoing: &'a OutgoingNotification) -> BoxFuture<'a, Result<Receipt, SendError>> {
        Box::pin(async move { self.channel.send(outgoing).await.inspect(|receipt| self.copy(receipt)) })
    }

    fn send_service_email<'a>(
        &'a self,
        email: &'a ServiceEmail,
    ) -> BoxFuture<'a, Result<Receipt, SendError>> {
        Box::pin(
            async move { self.channel.send_service_email(email).await.inspect(|receipt| self.copy(receipt)) },
        )
    }
}

/// Writes the readable copy of an `.eml` file, and returns its path.
fn write_copy(eml: &Path) -> io::Result<PathBuf> {
    let copy = eml.with_extension("txt");
    fs::write(&copy, readable(&fs::read(eml)?))?;
    Ok(copy)
}

/// An email as a person reads it: sender, recipients, subject, date and decoded text.
fn readable(eml: &[u8]) -> String {
    let mail = ParsedMail::parse(eml);
    let mut text =
        format!("From: {}\nTo: {}\nSubject: {}\n", mail.from.address, mail.to.join(", "), mail.subject);
    if let Some(date) = mail.date {
        text += &format!("Date: {date}\n");
    }
    let body = mail.text.replace("\r\n", "\n");
    format!("{text}\n{}\n", body.trim_end())
}

/// Checks the mail server, and warns the person at the terminal as long as it cannot be reached.
///
/// Notifications are not lost meanwhile: each is tried again until it is sent.
pub async fn check_server(mailer: Mailer, tell: impl Fn(&str)) {
    let server = mailer.destination();
    let mut warned = false;
    while let Err(error) = mailer.check().await {
        if !warned {
            tell(&format!(
                "warning: cannot use the mail server {server}: {}. Email waits, and is sent when the server can be used. \
                 Check FIREBELL_SMTP_URL.",
                root_cause(&error)
            ));
            warned = true;
        }
        tokio::time::sleep(CHECK_EVERY).await;
    }
    if warned {
        tell(&format!("the mail server {server} can be used now"));
    }
}

/// The last cause of an error, without the number that the system gives it.
fn root_cause(error: &SendError) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string().split(" (os error").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_readable_copy_has_whole_links_and_no_encoding() {
        let eml = "From: Firebell <firebell@localhost>\r\nTo: ada@example.com\r\n\
            Subject: =?utf-8?B?W0ZpcmViZWxsXSBEaXNrIGbDvGxs?=\r\nDate: Mon, 30 Nov 2026 09:23:59 +0000\r\n\
            MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\n\
            Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            Acknowledge:\r\nhttp://127.0.0.1/acknowledge/01M8NW9B4VG9.01M8NW9B9PM0H=\r\nMGMTK?a=3Db\r\n\r\n--x\r\n\
            Content-Type: text/html\r\n\r\n<p>No</p>\r\n--x--\r\n";

        assert_eq!(
            readable(eml.as_bytes()),
            "From: firebell@localhost\nTo: ada@example.com\nSubject: [Firebell] Disk f\u{fc}ll\n\
             Date: 2026-11-30T09:23:59Z\n\n\
             Acknowledge:\nhttp://127.0.0.1/acknowledge/01M8NW9B4VG9.01M8NW9B9PM0HMGMTK?a=b\n"
        );
    }
}
