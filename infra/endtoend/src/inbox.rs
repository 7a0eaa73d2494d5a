//! An SMTP server that keeps every email in memory, and can be stopped and started again.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use domain::Timestamp;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A received email.
#[derive(Debug, Clone)]
pub(crate) struct Email {
    /// The time at which its content began to arrive.
    pub(crate) at: Timestamp,
    /// The recipient.
    pub(crate) to: String,
    /// Headers and text as they were sent.
    pub(crate) text: String,
}

impl Email {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{}:", name.to_lowercase());
        let line = self.text.lines().find(|line| line.to_lowercase().starts_with(&start))?;
        line.split_once(':').map(|(_, value)| value.trim())
    }

    /// Headers and text without the soft line breaks and equals signs of quoted-printable.
    pub(crate) fn plain(&self) -> String {
        self.text.replace("=\r\n", "").replace("=3D", "=")
    }
}

/// The SMTP server.
pub(crate) struct Inbox {
    port: u16,
    mails: Arc<Mutex<Vec<Email>>>,
    serving: Option<JoinHandle<()>>,
}

impl Inbox {
    /// Starts the server on a free port.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let mut inbox = Self { port, mails: Arc::default(), serving: None };
        inbox.serve(listener);
        Ok(inbox)
    }

    fn serve(&mut self, listener: TcpListener) {
        let mails = self.mails.clone();
        self.serving = Some(tokio::spawn(async move {
            let mut sessions = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                sessions.spawn(session(stream, mails.clone()));
            }
        }));
    }

    /// Stops the server: connections are refused.
    pub(crate) fn stop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }

    /// Starts the server again on the same port.
    pub(crate) async fn restart(&mut self) -> anyhow::Result<()> {
        let listener =
            TcpListener::bind(("127.0.0.1", self.port)).await.context("cannot start the inbox again")?;
        self.serve(listener);
        Ok(())
    }

    /// The value for `FIREBELL_SMTP_URL`.
    pub(crate) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// All received emails.
    pub(crate) fn mails(&self) -> Vec<Email> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Serves one connection.
async fn session(stream: TcpStream, mails: Arc<Mutex<Vec<Email>>>) -> std::io::Result<()> {
    let _ = stream.set_nodelay(true);
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    write.write_all(b"220 inbox\r\n").await?;
    let mut to = String::new();
    loop {
        let mut line = String::new();
        if read.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.to_uppercase();
        if verb.starts_with("EHLO") {
            write.write_all(b"250-inbox\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n").await?;
        } else if verb.starts_with("RCPT") {
            line.split(['<', '>']).nth(1).unwrap_or_default().clone_into(&mut to);
            write.write_all(b"250 ok\r\n").await?;
        } else if verb.starts_with("DATA") {
            let at = now();
            write.write_all(b"354 go\r\n").await?;
            let mut text = String::new();
            loop {
                let mut line = String::new();
                if read.read_line(&mut line).await? == 0 {
                    return Ok(());
                }
                if line == ".\r\n" {
                    break;
                }
                text.push_str(&line);
            }
            let mail = Email { at, to: std::mem::take(&mut to), text };
            mails.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
            write.write_all(b"250 kept\r\n").await?;
        } else if verb.starts_with("QUIT") {
            write.write_all(b"221 bye\r\n").await?;
            return Ok(());
        } else {
            write.write_all(b"250 ok\r\n").await?;
        }
    }
}

/// The current time.
pub(crate) fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "a scenario measures real time")]
    Timestamp::now()
}
