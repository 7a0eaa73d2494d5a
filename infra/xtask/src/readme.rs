//! `cargo xtask readme` and `cargo xtask cost`: run programs that use the product's own types.

use lexopt::Parser;

use crate::help::no_options;
use crate::project::{cargo, run};

/// Runs a program of the crate `testing`.
///
/// It is not named by its package: cargo would then build everything again with other features.
pub(crate) fn program(name: &str) -> anyhow::Result<()> {
    run(cargo(&["run", "--quiet", "--bin", name]))
}

/// Runs `cargo xtask readme`.
pub(crate) fn write(parser: &mut Parser) -> anyhow::Result<()> {
    no_options("readme", parser)?;
    program("readme")
}

/// Runs `cargo xtask cost`.
pub(crate) fn cost(parser: &mut Parser) -> anyhow::Result<()> {
    no_options("cost", parser)?;
    program("cost")
}
