//! A running `cargo local` for the programs that test it from outside.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::project::{cargo, root, run, target};

/// How long the program may take until it is ready.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A running `cargo local --ephemeral --demo`; it is killed when this value is dropped.
pub(crate) struct RunningLocal {
    child: Child,
    /// The address of its web pages and API.
    pub(crate) url: String,
    /// Its API key.
    pub(crate) api_key: String,
    /// The link that signs the owner in.
    pub(crate) sign_in: String,
    /// The address where it receives email for alert sources.
    pub(crate) mail: String,
}

impl RunningLocal {
    /// Builds and starts the program, and waits until it has printed its addresses, API key and sign-in link.
    pub(crate) fn start() -> anyhow::Result<Self> {
        run(cargo(&["build", "--locked", "--bin", "local"]))?;
        let mut child = Command::new(target()?.join("debug/local"))
            .args(["--ephemeral", "--demo", "--listen", "127.0.0.1:0", "--mail-listen", "127.0.0.1:0"])
            // The tests receive webhooks on this machine.
            .env("FIREBELL_WEBHOOK_LOOPBACK", "allow")
            .current_dir(root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting `local`")?;
        let (send, lines) = mpsc::channel();
        let out = child.stdout.take().context("standard output is piped")?;
        let err = child.stderr.take().context("standard error is piped")?;
        for stream in [Box::new(out) as Box<dyn std::io::Read + Send>, Box::new(err)] {
            let send = send.clone();
            // Read to the end: the program would wait if nobody read what it prints.
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _nobody_listens = send.send(line);
                }
            });
        }
        let (url, api_key, sign_in, mail) = Default::default();
        let mut local = Self { child, url, api_key, sign_in, mail };
        local.read_start_up(&lines)?;
        Ok(local)
    }

    /// Reads the printed lines until addresses, API key and sign-in link are known.
    fn read_start_up(&mut self, lines: &mpsc::Receiver<String>) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut printed = Vec::new();
        while [&self.url, &self.api_key, &self.sign_in, &self.mail].into_iter().any(String::is_empty) {
            let left = START_TIMEOUT.saturating_sub(begun.elapsed());
            let Ok(line) = lines.recv_timeout(left) else {
                bail!(
                    "`local` did not print its addresses, an API key and a sign-in link; it printed:\n{}",
                    printed.join("\n")
                );
            };
            if let Some(url) = line.strip_prefix("Firebell is ready at ") {
                url.clone_into(&mut self.url);
            } else if let Some(key) = value(&line, "API key") {
                key.clone_into(&mut self.api_key);
            } else if let Some((_, address)) = line.split_once("received at smtp://") {
                address.split(',').next().unwrap_or_default().clone_into(&mut self.mail);
            } else if line.contains("/sign-in?token=") {
                line.trim().clone_into(&mut self.sign_in);
            }
            printed.push(line);
        }
        Ok(())
    }
}

/// The first word after a label of the start-up text.
fn value<'a>(line: &'a str, label: &str) -> Option<&'a str> {
    line.trim_start().strip_prefix(label)?.split_whitespace().next()
}

impl Drop for RunningLocal {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
