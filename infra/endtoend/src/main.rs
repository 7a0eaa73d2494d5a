//! The end-to-end scenarios: they start the real program `local`, send alerts to it and read its email.

mod alertmanager;
mod flood;
mod http;
mod inbox;
mod kills;
mod levels;
mod outage;
mod process;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use lexopt::Arg::{Long, Short, Value};
use lexopt::{Parser, ValueExt};

/// The text of `--help`.
const HELP: &str = "\
Runs one end-to-end scenario against the real program `local`, and prints what it measured.

Usage: endtoend SCENARIO [OPTIONS]

Scenarios:
  alertmanager   20 alerts of the real Alertmanager reach an inbox and resolve, one of them through a kill -9
  levels         nobody acknowledges: level 2 is notified, then the fallback contact
  kills          kill -9 at random moments under load; no accepted alert is lost
  flood          one alert source is flooded; how long another one's alerts take
  outage         the mail server is down for a while; every email arrives after its return

Options:
      --binary FILE  The program to test [default: `local` beside this program]
      --kills N      How often the program is killed (kills) [default: 5]
      --alerts N     The number of alerts (kills: at least; outage) [default: 100]
      --seconds N    How long the outage lasts, or each part of the flood [default: 20]
  -h, --help         Print this help
";

/// The options of a scenario.
pub(crate) struct Options {
    /// The program to test.
    pub(crate) binary: PathBuf,
    /// How often the program is killed.
    pub(crate) kills: usize,
    /// The number of alerts.
    pub(crate) alerts: usize,
    /// How long an outage or a part of the flood lasts.
    pub(crate) seconds: u64,
}

/// Prints a line on standard output.
pub(crate) fn say(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the command line and runs the scenario.
fn run() -> anyhow::Result<()> {
    let mut scenario = None;
    let beside = std::env::current_exe()?.with_file_name("local");
    let mut options = Options { binary: beside, kills: 5, alerts: 100, seconds: 20 };
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Value(name) => scenario = Some(name.string()?),
            Long("binary") => options.binary = parser.value()?.into(),
            Long("kills") => options.kills = parser.value()?.parse()?,
            Long("alerts") => options.alerts = parser.value()?.parse()?,
            Long("seconds") => options.seconds = parser.value()?.parse()?,
            Long("help") | Short('h') => {
                say(HELP);
                return Ok(());
            }
            other => return Err(other.unexpected()).context("run `endtoend --help` to see all options"),
        }
    }
    let scenario = scenario.context("name a scenario; run `endtoend --help` to see all of them")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match scenario.as_str() {
            "alertmanager" => alertmanager::run(&options).await,
            "levels" => levels::run(&options).await,
            "kills" => kills::run(&options).await,
            "flood" => flood::run(&options).await,
            "outage" => outage::run(&options).await,
            _ => anyhow::bail!("unknown scenario `{scenario}`; run `endtoend --help` to see all of them"),
        }
    })
}
