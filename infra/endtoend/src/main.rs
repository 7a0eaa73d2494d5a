//! The real process, from outside.

mod alertmanager;
mod flood;
mod http;
mod kills;
mod levels;
mod outage;
mod process;
mod sink;

use std::io::Write;
use std::path::PathBuf;

use lexopt::Arg::{Long, Value};
use lexopt::ValueExt;

const HELP: &str = "\
endtoend SCENARIO [--binary target/debug/local] [--kills N] [--alerts N] [--seconds N]

  alertmanager   20 alerts through the real Alertmanager into an inbox, and their end
  levels         nobody answers: level 2, then the fallback contact
  kills          kill -9 at random moments under load; nothing accepted is lost
  flood          one source is flooded; what becomes of another
  outage         the mail server is down for a while; everybody is paged once it is back
";

/// What a scenario was asked for.
pub(crate) struct Options {
    /// The program.
    pub(crate) binary: PathBuf,
    /// How many kills.
    pub(crate) kills: usize,
    /// How many alerts at least.
    pub(crate) alerts: usize,
    /// How long an outage lasts.
    pub(crate) seconds: u64,
}

/// Says something on standard output.
pub(crate) fn say(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn main() -> anyhow::Result<()> {
    let mut scenario = String::new();
    let beside = std::env::current_exe()?.with_file_name("local");
    let mut options = Options { binary: beside, kills: 5, alerts: 100, seconds: 20 };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Value(name) => scenario = name.string()?,
            Long("binary") => options.binary = parser.value()?.into(),
            Long("kills") => options.kills = parser.value()?.parse()?,
            Long("alerts") => options.alerts = parser.value()?.parse()?,
            Long("seconds") => options.seconds = parser.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match scenario.as_str() {
            "alertmanager" => alertmanager::run(&options).await,
            "levels" => levels::run(&options).await,
            "kills" => kills::run(&options).await,
            "flood" => flood::run(&options).await,
            "outage" => outage::run(&options).await,
            _ => {
                say(HELP);
                anyhow::bail!("no scenario `{scenario}`")
            }
        }
    })
}
