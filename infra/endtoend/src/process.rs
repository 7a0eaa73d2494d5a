//! The program `local`, started as its user starts it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use url::Url;

/// A running `local`.
pub(crate) struct RunningLocal {
    child: Child,
    /// The address of its web pages and API.
    pub(crate) address: SocketAddr,
}

/// An alert source that a scenario sends to.
#[derive(Debug, Clone)]
pub(crate) struct AlertSource {
    /// The path of its URL.
    pub(crate) path: String,
    /// The secret.
    pub(crate) secret: String,
}

/// An installation: a data directory, and what the program is started with.
#[derive(Debug, Clone)]
pub(crate) struct Installation {
    /// The path of the program.
    pub(crate) binary: PathBuf,
    /// The data directory.
    pub(crate) data: PathBuf,
    /// The address of the web pages and the API.
    pub(crate) address: SocketAddr,
    /// The URL of the mail server.
    pub(crate) smtp: String,
}

impl Installation {
    /// Creates a data directory and chooses a free port.
    pub(crate) fn new(binary: &Path, smtp: String) -> anyhow::Result<Self> {
        let data = std::env::temp_dir().join(format!("firebell-endtoend-{:016x}", fastrand::u64(..)));
        std::fs::create_dir_all(&data)?;
        let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        Ok(Self { binary: binary.to_owned(), data, address: free, smtp })
    }

    /// Starts the program without waiting until it is ready.
    pub(crate) fn spawn(&self, demo: bool) -> anyhow::Result<Child> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log())?;
        let mut command = Command::new(&self.binary);
        command
            .arg("--listen")
            .arg(self.address.to_string())
            .arg("--data")
            .arg(&self.data)
            .args(demo.then_some("--demo"))
            .env("FIREBELL_SMTP_URL", &self.smtp)
            .env("FIREBELL_MAIL_FROM", "Firebell <firebell@example.com>")
            .env("FIREBELL_OWNER_EMAIL", "owner@example.com")
            .env("FIREBELL_LOG_FORMAT", "json")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        command.spawn().with_context(|| format!("cannot start `{}`", self.binary.display()))
    }

    /// The file with the program's standard error.
    pub(crate) fn log(&self) -> PathBuf {
        self.data.join("log")
    }

    /// Starts the program and waits until it is ready.
    pub(crate) async fn start(&self, demo: bool) -> anyhow::Result<RunningLocal> {
        let mut child = self.spawn(demo)?;
        let out = child.stdout.take().context("standard output is piped")?;
        let mut lines = BufReader::new(out).lines();
        let ready = tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await;
        match ready.context("`local` was not ready within 30 seconds")?? {
            Some(line) if line.starts_with("Firebell is ready") => {
                Ok(RunningLocal { child, address: self.address })
            }
            Some(line) => {
                bail!("`local` printed `{line}` instead of being ready; see {}", self.log().display())
            }
            None => bail!("`local` stopped before it was ready; see {}", self.log().display()),
        }
    }

    /// The alert source of the demo, from the text that the first start printed.
    pub(crate) async fn demo_source(&self) -> anyhow::Result<AlertSource> {
        for _ in 0..50 {
            let printed = std::fs::read_to_string(self.log())?;
            let value =
                |label: &str| printed.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
            if let Some((url, secret)) = value("Demo alert source").zip(value("Demo source secret")) {
                return AlertSource::new(url, secret);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("`local` printed no demo alert source; see {}", self.log().display())
    }
}

impl AlertSource {
    /// An alert source with this URL.
    pub(crate) fn new(url: &str, secret: &str) -> anyhow::Result<Self> {
        let url = Url::parse(url).with_context(|| format!("`{url}` is not a URL"))?;
        Ok(Self { path: url.path().to_owned(), secret: secret.to_owned() })
    }
}

impl RunningLocal {
    /// Kills the program with `kill -9`.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await?;
        Ok(())
    }

    /// Asks the program to stop, as Ctrl-C does, and waits until it has stopped.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let id = self.child.id().context("the process has ended already")?;
        let asked = Command::new("kill").arg("-TERM").arg(id.to_string()).status().await?;
        anyhow::ensure!(asked.success(), "cannot send SIGTERM to the process");
        let status = tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await;
        let status = status.context("`local` did not stop within 10 seconds")??;
        anyhow::ensure!(status.success(), "`local` stopped with {status}");
        Ok(())
    }
}
