//! The files that `cargo xtask generate` writes: what every function has in common, and the functions of alert sources.
//!
//! The registry of alert sources says everything that a source's function needs: its package, its routes and its
//! rights. The folders in `functions/` are the list of all functions.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::Context;
use sources::{AlertSource, Kind};

use crate::template::root;

mod events;
mod resources;

/// The line that marks a `lib.rs` as generated. A source's `lib.rs` without it is written by hand and stays as it is.
const GENERATED: &str =
    "//! `cargo xtask generate` writes this package from the registry of alert sources.\n";

/// The dependencies of a generated source's function.
const SOURCE_DEPENDENCIES: &str =
    "app.workspace = true\nhttp-api.workspace = true\nruntime.workspace = true\nsources.workspace = true\n";

/// The first line of the functions in the root `Cargo.toml`.
const FIRST_FUNCTION: &str = "# The functions, for `cargo local`.\n";

/// The generated files by their paths, with the text that each must have.
pub type Files = BTreeMap<String, String>;

/// Computes the generated files.
///
/// # Errors
/// If a file cannot be read, or has lost the place for its generated part.
pub fn files() -> anyhow::Result<Files> {
    let mut files = Files::new();
    for kind in Kind::ALL {
        package(*kind, &mut files)?;
    }
    let functions = functions()?;
    for function in &functions {
        common(function, &mut files)?;
    }
    let manifest = read("Cargo.toml")?;
    files.insert("Cargo.toml".to_owned(), workspace(&manifest, &functions)?);
    let manifest = read("infra/local/Cargo.toml")?;
    files.insert("infra/local/Cargo.toml".to_owned(), runner(&manifest, &functions)?);
    let registry = read("infra/local/src/functions.rs")?;
    files.insert("infra/local/src/functions.rs".to_owned(), entries(&registry, &functions)?);
    files.insert("template.yaml".to_owned(), resources::template(&read("template.yaml")?)?);
    Ok(files)
}

/// Writes the generated files that differ, and the missing events of alert sources. Returns their paths.
///
/// # Errors
/// If a file cannot be read or written.
pub async fn write() -> anyhow::Result<Vec<String>> {
    let mut written = Vec::new();
    for (file, text) in files()? {
        if read(&file).ok().as_ref() != Some(&text) {
            let path = root().join(&file);
            fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
            fs::write(&path, text).with_context(|| format!("writing `{file}`"))?;
            written.push(file);
        }
    }
    written.extend(events::write_missing().await?);
    Ok(written)
}

/// Reads a file of the project.
fn read(file: &str) -> anyhow::Result<String> {
    fs::read_to_string(root().join(file)).with_context(|| format!("reading `{file}`"))
}

/// The name of a source's function.
fn function_of(source: &dyn AlertSource) -> String {
    format!("alert-source-{}", source.kind().replace('_', "-"))
}

/// The names of all functions: the folders in `functions/`, and one for each alert source.
fn functions() -> anyhow::Result<BTreeSet<String>> {
    let mut functions: BTreeSet<String> = sources::all().iter().map(|source| function_of(*source)).collect();
    for entry in fs::read_dir(root().join("functions")).context("reading `functions/`")? {
        functions.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    Ok(functions)
}

/// Adds the `lib.rs` and the `Cargo.toml` of a source's function, unless its `lib.rs` is written by hand.
fn package(kind: Kind, files: &mut Files) -> anyhow::Result<()> {
    let function = function_of(kind.get());
    let library = format!("functions/{function}/src/lib.rs");
    if read(&library).is_ok_and(|text| !text.contains(GENERATED)) {
        return Ok(());
    }
    let name = kind.get().name();
    let text = format!(
        "//! Accepts deliveries for {name} alert sources.\n//!\n{GENERATED}
use app::Context;
use runtime::Function;

/// Creates the function.
pub fn function(ctx: Context) -> Function {{
    runtime::http(http_api::source::router(sources::Kind::{kind:?}, ctx))
}}
"
    );
    files.insert(library, text);
    let head = manifest_head(&function);
    files.insert(format!("functions/{function}/Cargo.toml"), head + SOURCE_DEPENDENCIES);
    Ok(())
}

/// Adds what every function has in common: its `main.rs`, and its `Cargo.toml` up to the dependencies.
fn common(function: &str, files: &mut Files) -> anyhow::Result<()> {
    let main = format!("functions/{function}/src/main.rs");
    // A function with another connection to AWS is started by another function of `runtime`.
    let starts = ["run_sender", "run_receiver"];
    let now = read(&main).unwrap_or_default();
    let run = starts.into_iter().find(|run| now.contains(&format!("runtime::{run}("))).unwrap_or("run");
    let package = function.replace('-', "_");
    files.insert(
        main,
        format!(
            "//! Runs `{function}` on Lambda.\n\nfn main() -> Result<(), runtime::Error> {{\n    runtime::{run}({package}::function)\n}}\n"
        ),
    );
    let manifest = format!("functions/{function}/Cargo.toml");
    if let Entry::Vacant(vacant) = files.entry(manifest) {
        let now = read(vacant.key())?;
        let (_, dependencies) = now
            .split_once("[dependencies]\n")
            .with_context(|| format!("`{}` has no `[dependencies]`", vacant.key()))?;
        vacant.insert(manifest_head(function) + dependencies);
    }
    Ok(())
}

/// The `Cargo.toml` of a function up to its dependencies.
fn manifest_head(function: &str) -> String {
    format!(
        r#"[package]
name = "{function}"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
publish.workspace = true

[lints]
workspace = true

[lib]
doctest = false

[[bin]]
name = "{function}"
path = "src/main.rs"
test = false
doc = false

[dependencies]
"#
    )
}

/// The root `Cargo.toml` with one line for each function.
fn workspace(manifest: &str, functions: &BTreeSet<String>) -> anyhow::Result<String> {
    let (before, rest) = manifest
        .split_once(FIRST_FUNCTION)
        .with_context(|| format!("`Cargo.toml` has no line `{}`", FIRST_FUNCTION.trim_end()))?;
    let (_, after) = rest.split_once("\n\n").context("`Cargo.toml` has no empty line after the functions")?;
    let lines: Vec<String> =
        functions.iter().map(|name| format!("{name} = {{ path = \"functions/{name}\" }}")).collect();
    Ok(format!("{before}{FIRST_FUNCTION}{}\n\n{after}", lines.join("\n")))
}

/// The `Cargo.toml` of the one-process runner with one dependency for each function, in order with the other ones.
fn runner(manifest: &str, functions: &BTreeSet<String>) -> anyhow::Result<String> {
    let (before, dependencies) = manifest
        .split_once("[dependencies]\n")
        .context("`infra/local/Cargo.toml` has no `[dependencies]`")?;
    let (dependencies, after) = match dependencies.split_once("\n\n") {
        Some((dependencies, after)) => (dependencies, format!("\n\n{after}")),
        None => (dependencies.trim_end(), "\n".to_owned()),
    };
    let is_function = |line: &str| {
        let name = line.strip_suffix(".workspace = true").unwrap_or_default();
        functions.contains(name) || name.starts_with("alert-source-")
    };
    let others = dependencies.lines().filter(|line| !is_function(line)).map(str::to_owned);
    let mut lines: Vec<String> = others.collect();
    lines.extend(functions.iter().map(|name| format!("{name}.workspace = true")));
    lines.sort();
    Ok(format!("{before}[dependencies]\n{}{after}", lines.join("\n")))
}

/// The registry of the one-process runner with one line for each function.
fn entries(registry: &str, functions: &BTreeSet<String>) -> anyhow::Result<String> {
    let (before, _) = registry
        .split_once("\nfunctions! {\n")
        .context("`infra/local/src/functions.rs` has no `functions! {`")?;
    let lines: Vec<String> =
        functions.iter().map(|name| format!("    \"{name}\" => {},\n", name.replace('-', "_"))).collect();
    Ok(format!("{before}\nfunctions! {{\n{}}}\n", lines.concat()))
}
