//! `cargo xtask generate`: writes the generated files of functions.

use lexopt::Parser;

use crate::help::no_options;
use crate::project::{cargo, run};
use crate::readme::program;

/// Runs `cargo xtask generate`.
pub(crate) fn write(parser: &mut Parser) -> anyhow::Result<()> {
    no_options("generate", parser)?;
    generate()
}

/// Writes the generated files.
pub(crate) fn generate() -> anyhow::Result<()> {
    lock()?;
    program("generate")?;
    lock()?;
    program("readme")
}

/// Adds new packages of the project to the lock file, because commands use `--locked`.
fn lock() -> anyhow::Result<()> {
    // A package of the project needs no network for that.
    run(cargo(&["update", "--quiet", "--workspace", "--offline"]))
}
