//! `cargo xtask readme`: writes the README's tables and drawings anew.

use crate::project::{cargo, run};

/// Runs the command.
pub(crate) fn write() -> anyhow::Result<()> {
    run(cargo(&["run", "--quiet", "--package", "testing", "--bin", "readme"]))
}
