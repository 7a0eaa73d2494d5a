//! `cargo xtask generate`: writes the generated files of functions.

use lexopt::Parser;

use crate::help::no_options;
use crate::project::{cargo, run};
use crate::readme::program;

/// Runs `cargo xtask generate`.
pub(crate) fn write(parser: &mut Parser) -> anyhow::Result<()> {
    no_options("generate", parser)?;
    program("generate")?;
    // Commands with `--locked` need an updated lock file. A package of our own needs no network for that.
    run(cargo(&["update", "--quiet", "--workspace", "--offline"]))?;
    program("readme")
}
