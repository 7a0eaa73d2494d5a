//! The project's files, and the commands that are run in it.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};

/// The top folder of the project.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this crate is two folders below the top").to_owned()
}

/// Prints a line for the person at the terminal, on standard error.
pub(crate) fn say(text: impl Display) {
    let _closed = writeln!(std::io::stderr(), "{text}");
}

/// Prints a text on standard output.
pub(crate) fn print(text: impl Display) {
    let _closed = write!(std::io::stdout(), "{text}");
}

/// A command of cargo, run in the top folder of the project.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command, and fails if it fails.
pub(crate) fn run(mut command: Command) -> anyhow::Result<()> {
    let shown = shown(&command);
    say(format_args!("$ {shown}"));
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    ensure!(status.success(), "`{shown}` failed: {status}");
    Ok(())
}

/// A command as a person would type it.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Whether a program can be started.
pub(crate) fn has(program: &str, version: &str) -> bool {
    let output = Command::new(program).arg(version).output();
    output.is_ok_and(|output| output.status.success())
}

/// The names of the functions: the folders in `functions/`.
pub(crate) fn functions() -> anyhow::Result<BTreeSet<String>> {
    let folder = root().join("functions");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// Reads a file of the project.
pub(crate) fn read(file: &str) -> anyhow::Result<String> {
    fs::read_to_string(root().join(file)).with_context(|| format!("cannot read `{file}`"))
}

/// Writes a file of the project.
pub(crate) fn write(file: &str, text: &str) -> anyhow::Result<()> {
    let path = root().join(file);
    let folder = path.parent().context("a file is in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    fs::write(&path, text).with_context(|| format!("cannot write `{file}`"))
}

/// The directory that cargo builds in.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    let output = cargo(&["metadata", "--no-deps", "--format-version", "1"]).output()?;
    if !output.status.success() {
        bail!("`cargo metadata` failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    Ok(PathBuf::from(
        metadata["target_directory"].as_str().context("`cargo metadata` prints no target directory")?,
    ))
}
