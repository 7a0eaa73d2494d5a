//! The program as a newcomer starts it, for whoever drives it from outside.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::project::{cargo, root, run, target};

/// How long it may take to be ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `cargo local --ephemeral --demo`; it ends with this.
pub(crate) struct Served {
    child: Child,
    /// Where it serves.
    pub(crate) url: String,
    /// The API key that it printed.
    pub(crate) api_key: String,
    /// The link by which one signs in.
    pub(crate) sign_in: String,
    /// Where it takes mail.
    pub(crate) mail: String,
}

impl Served {
    /// Builds and starts it, and waits until it is ready and has said what one needs to know.
    pub(crate) fn start() -> anyhow::Result<Self> {
        run(cargo(&["build", "--locked", "--bin", "local"]))?;
        let mut child = Command::new(target()?.join("debug/local"))
            .args(["--ephemeral", "--demo", "--listen", "127.0.0.1:0", "--mail-listen", "127.0.0.1:0"])
            // Whoever drives it listens on this machine as well.
            .env("FIREBELL_WEBHOOK_LOOPBACK", "allow")
            .current_dir(root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting `local`")?;
        let (send, lines) = mpsc::channel();
        let out = child.stdout.take().context("it has a standard output")?;
        let err = child.stderr.take().context("it has a standard error")?;
        for stream in [Box::new(out) as Box<dyn std::io::Read + Send>, Box::new(err)] {
            let send = send.clone();
            // Read to the end, so that it is never held up by what it has to say.
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _nobody_listens = send.send(line);
                }
            });
        }
        let (url, api_key, sign_in, mail) = Default::default();
        let mut served = Self { child, url, api_key, sign_in, mail };
        served.listen(&lines)?;
        Ok(served)
    }

    /// Takes from what it says where it is and how one gets in.
    fn listen(&mut self, lines: &mpsc::Receiver<String>) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut said = Vec::new();
        while [&self.url, &self.api_key, &self.sign_in, &self.mail].into_iter().any(String::is_empty) {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let Ok(line) = lines.recv_timeout(left) else {
                bail!(
                    "`local` did not say where it is, its key, a sign-in link and where it takes mail; it said:\n{}",
                    said.join("\n")
                );
            };
            if let Some(url) = line.strip_prefix("firebell is ready at ") {
                url.clone_into(&mut self.url);
            } else if let Some((_, key)) =
                line.split_once(": fb_").filter(|(before, _)| before.contains("API key"))
            {
                self.api_key = format!("fb_{key}");
            } else if let Some((_, at)) = line.split_once("is taken at smtp://") {
                at.clone_into(&mut self.mail);
            } else if line.contains("/sign-in?token=") {
                line.trim().clone_into(&mut self.sign_in);
            }
            said.push(line);
        }
        Ok(())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
