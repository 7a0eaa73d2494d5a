//! `cargo xtask stories` and `cargo xtask kills`: the long runs, by hand.

use anyhow::Result;
use lexopt::Arg::Long;
use lexopt::{Parser, ValueExt};

use crate::project::{cargo, run};

/// The master story through many seeds, in the optimised profile.
pub(crate) fn stories(parser: &mut Parser) -> Result<()> {
    let mut seeds = "1000".to_owned();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seeds") => seeds = parser.value()?.string()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let mut command = cargo(&["test", "--release", "--package", "testing", "--test", "stories"]);
    command.args(["master", "--", "--nocapture"]).env("FIREBELL_SEEDS", seeds);
    run(command)
}

/// `kill -9` at random moments under load.
pub(crate) fn kills(parser: &mut Parser) -> Result<()> {
    let (mut kills, mut alerts) = ("30".to_owned(), "500".to_owned());
    while let Some(argument) = parser.next()? {
        match argument {
            Long("kills") => kills = parser.value()?.string()?,
            Long("alerts") => alerts = parser.value()?.string()?,
            other => return Err(other.unexpected().into()),
        }
    }
    run(cargo(&["build", "--package", "local", "--package", "endtoend"]))?;
    run(cargo(&["run", "--package", "endtoend", "--", "kills", "--kills", &kills, "--alerts", &alerts]))
}
