//! `cargo xtask readme` and `cargo xtask cost`: what the product's own types say of it.

use crate::project::{cargo, run};

/// A program of `testing`. It is not named by package: that would build everything anew, with other features.
fn program(name: &str) -> anyhow::Result<()> {
    run(cargo(&["run", "--quiet", "--bin", name]))
}

/// Writes the README's tables and drawings anew.
pub(crate) fn write() -> anyhow::Result<()> {
    program("readme")
}

/// Counts what an installation costs, and prints it.
pub(crate) fn cost() -> anyhow::Result<()> {
    program("cost")
}
