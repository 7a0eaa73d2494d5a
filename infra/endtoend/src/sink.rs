//! An inbox behind SMTP: keeps what it is given, and can be down.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use domain::Timestamp;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A mail that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    /// When its data began.
    pub(crate) at: Timestamp,
    /// To whom.
    pub(crate) to: String,
    /// Its headers and text, as they came.
    pub(crate) text: String,
}

impl Mail {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{}:", name.to_lowercase());
        let line = self.text.lines().find(|line| line.to_lowercase().starts_with(&start))?;
        line.split_once(':').map(|(_, value)| value.trim())
    }

    /// The whole text, its quoted-printable soft breaks and equals signs undone.
    pub(crate) fn plain(&self) -> String {
        self.text.replace("=\r\n", "").replace("=3D", "=")
    }
}

/// The inbox.
pub(crate) struct Sink {
    port: u16,
    mails: Arc<Mutex<Vec<Mail>>>,
    serving: Option<JoinHandle<()>>,
}

impl Sink {
    /// Opens the inbox on a free port.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let mut sink = Self { port, mails: Arc::default(), serving: None };
        sink.serve(listener);
        Ok(sink)
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

    /// Closes it: connections are refused.
    pub(crate) fn down(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }

    /// Opens it again.
    pub(crate) async fn up(&mut self) -> anyhow::Result<()> {
        let listener =
            TcpListener::bind(("127.0.0.1", self.port)).await.context("opening the inbox again")?;
        self.serve(listener);
        Ok(())
    }

    /// Its address for `FIREBELL_SMTP_URL`.
    pub(crate) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// What arrived.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Speaks with one client.
async fn session(stream: TcpStream, mails: Arc<Mutex<Vec<Mail>>>) -> std::io::Result<()> {
    let _ = stream.set_nodelay(true);
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    write.write_all(b"220 sink\r\n").await?;
    let mut to = String::new();
    loop {
        let mut line = String::new();
        if read.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.to_uppercase();
        if verb.starts_with("EHLO") {
            write.write_all(b"250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n").await?;
        } else if verb.starts_with("RCPT") {
            line.split(['<', '>']).nth(1).unwrap_or_default().clone_into(&mut to);
            write.write_all(b"250 ok\r\n").await?;
        } else if verb.starts_with("DATA") {
            let at = local_now();
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
            let mail = Mail { at, to: std::mem::take(&mut to), text };
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

/// The time.
pub(crate) fn local_now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "a scenario measures by the clock on the wall")]
    Timestamp::now()
}
