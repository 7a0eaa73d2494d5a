//! `cargo xtask readme` and `cargo xtask cost`: what the product's own types say of it.

use crate::project::{cargo, run};

/// Writes the README's tables and drawings anew.
pub(crate) fn write() -> anyhow::Result<()> {
    run(cargo(&["run", "--quiet", "--package", "testing", "--bin", "readme"]))
}

/// Counts what an installation costs, and prints it.
pub(crate) fn cost() -> anyhow::Result<()> {
    run(cargo(&["run", "--quiet", "--package", "testing", "--bin", "cost"]))
}
