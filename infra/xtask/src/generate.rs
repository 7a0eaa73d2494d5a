//! `cargo xtask generate`: writes the generated files of functions.

use crate::project::{cargo, run};
use crate::readme::program;

/// Writes the generated files of functions, the lock file that lists their packages, and the tables of the README.
pub(crate) fn write() -> anyhow::Result<()> {
    program("generate")?;
    // Commands with `--locked` refuse a lock file without the new packages. They are our own, so no network is needed.
    run(cargo(&["update", "--quiet", "--workspace", "--offline"]))?;
    program("readme")
}
