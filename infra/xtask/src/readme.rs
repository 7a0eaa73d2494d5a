//! `cargo xtask readme` and `cargo xtask cost`, which need the types of the product.

use crate::project::{cargo, run};

/// Runs a program of the crate `testing`. It is not selected by package, because that would build everything again
/// with other features.
fn program(name: &str) -> anyhow::Result<()> {
    run(cargo(&["run", "--quiet", "--bin", name]))
}

/// Writes the generated tables and diagrams of the documents, and the description of the API.
pub(crate) fn write() -> anyhow::Result<()> {
    program("readme")
}

/// Calculates the cost of an installation and prints it.
pub(crate) fn cost() -> anyhow::Result<()> {
    program("cost")
}
