//! `cargo xtask stories` and `cargo xtask kills`: long runs of the main story and of the kill scenario.

use anyhow::Result;
use lexopt::Arg::Long;
use lexopt::{Parser, ValueExt};

use crate::help::other;
use crate::project::{cargo, run};

/// Runs `cargo xtask stories`.
pub(crate) fn stories(parser: &mut Parser) -> Result<()> {
    let mut seeds = "1000".to_owned();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seeds") => seeds = parser.value()?.string()?,
            argument => return Err(other("stories", argument)),
        }
    }
    let mut command = cargo(&["test", "--release", "--package", "testing", "--test", "stories"]);
    command.args(["master", "--", "--nocapture"]).env("FIREBELL_SEEDS", seeds);
    run(command)
}

/// Runs `cargo xtask kills`.
pub(crate) fn kills(parser: &mut Parser) -> Result<()> {
    let (mut kills, mut alerts) = ("30".to_owned(), "500".to_owned());
    while let Some(argument) = parser.next()? {
        match argument {
            Long("kills") => kills = parser.value()?.string()?,
            Long("alerts") => alerts = parser.value()?.string()?,
            argument => return Err(other("kills", argument)),
        }
    }
    run(cargo(&["build", "--package", "local", "--package", "endtoend"]))?;
    run(cargo(&["run", "--package", "endtoend", "--", "kills", "--kills", &kills, "--alerts", &alerts]))
}
