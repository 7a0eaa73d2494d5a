//! The program as its user starts it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A running `local`.
pub(crate) struct Process {
    child: Child,
    /// Where it serves.
    pub(crate) address: SocketAddr,
}

/// Where alerts are sent, and with which secret.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The path of its address.
    pub(crate) path: String,
    /// The secret.
    pub(crate) secret: String,
}

/// What the program is started with.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// The program.
    pub(crate) binary: PathBuf,
    /// Its data directory.
    pub(crate) data: PathBuf,
    /// Where it serves.
    pub(crate) address: SocketAddr,
    /// Where it hands over mail.
    pub(crate) smtp: String,
}

impl Setup {
    /// A fresh data directory and a free port.
    pub(crate) fn fresh(binary: &Path, smtp: String) -> anyhow::Result<Self> {
        let data = std::env::temp_dir().join(format!("firebell-endtoend-{:016x}", fastrand::u64(..)));
        std::fs::create_dir_all(&data)?;
        let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        Ok(Self { binary: binary.to_owned(), data, address: free, smtp })
    }

    /// Starts the program; does not wait for it.
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
        command.spawn().with_context(|| format!("starting `{}`", self.binary.display()))
    }

    /// What it says on standard error.
    pub(crate) fn log(&self) -> PathBuf {
        self.data.join("log")
    }

    /// Starts the program and waits until it is ready.
    pub(crate) async fn start(&self, demo: bool) -> anyhow::Result<Process> {
        let mut child = self.spawn(demo)?;
        let out = child.stdout.take().context("it has a standard output")?;
        let mut lines = BufReader::new(out).lines();
        let ready = tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await;
        match ready.context("it was not ready within 30 seconds")?? {
            Some(line) if line.starts_with("firebell is ready") => {
                Ok(Process { child, address: self.address })
            }
            other => bail!("it said {other:?} instead of being ready; see {}", self.log().display()),
        }
    }

    /// The source of the demonstration, from what the first start said.
    pub(crate) async fn source(&self) -> anyhow::Result<Source> {
        for _ in 0..50 {
            let said = std::fs::read_to_string(self.log())?;
            let lines: Vec<&str> = said.lines().map(str::trim).collect();
            let after = |text: &str| lines.iter().position(|line| line.starts_with(text)).map(|at| at + 1);
            if let Some((url, secret)) = after("the demonstration's").zip(after("with the secret")) {
                let path = lines[url].splitn(4, '/').nth(3).context("an address has a path")?;
                return Ok(Source { path: format!("/{path}"), secret: lines[secret].to_owned() });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the demonstration named no source; see {}", self.log().display())
    }
}

impl Process {
    /// `kill -9`.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await?;
        Ok(())
    }

    /// Asks it to stop, as Ctrl-C does, and waits until it has.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let id = self.child.id().context("it runs")?;
        let asked = Command::new("kill").arg("-TERM").arg(id.to_string()).status().await?;
        anyhow::ensure!(asked.success(), "it could not be asked to stop");
        let status = tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await;
        let status = status.context("it did not stop within 10 seconds")??;
        anyhow::ensure!(status.success(), "it stopped with {status}");
        Ok(())
    }
}
