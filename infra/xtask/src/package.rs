//! `cargo xtask package`: builds the functions to where `template.yaml` looks for them.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use lexopt::Arg::{Long, Value};
use lexopt::{Parser, ValueExt};

use crate::help::other;
use crate::project::{cargo, functions, read, root, run, say, target};

/// The version of glibc in Lambda's provided.al2023.
const GLIBC: (u32, u32) = (2, 34);

/// Runs `cargo xtask package`.
pub(crate) fn package(parser: &mut Parser) -> anyhow::Result<()> {
    let (mut profile, mut host, mut named) = ("deploy".to_owned(), false, Vec::new());
    while let Some(argument) = parser.next()? {
        match argument {
            Long("profile") => profile = parser.value()?.string()?,
            Long("host") => host = true,
            Value(name) => named.push(name.string()?),
            argument => return Err(other("package", argument)),
        }
    }
    let all = functions()?;
    for name in &named {
        ensure!(
            all.contains(name),
            "there is no function `{name}`; the functions are {}",
            all.iter().cloned().collect::<Vec<_>>().join(", ")
        );
    }
    let wanted: Vec<&String> = if named.is_empty() { all.iter().collect() } else { named.iter().collect() };

    let (here, there) = (host_architecture(), architecture(&read("template.yaml")?)?);
    if here != there && !host {
        bail!(
            "this machine builds for {here}, but template.yaml deploys to {there}; add `--host` here and deploy with \
             `--parameter-overrides Architecture={here}`, or build on a machine with {there}"
        );
    }
    if here != there {
        say(format_args!("building for {here}; deploy with `--parameter-overrides Architecture={here}`"));
    }

    let mut build = cargo(&["build", "--locked", "--bins", "--profile", &profile]);
    for name in &wanted {
        build.args(["--package", name.as_str()]);
    }
    run(build)?;
    let built = target()?.join(if profile == "dev" { "debug" } else { &profile });
    for name in wanted {
        let folder = root().join("target/lambda").join(name);
        let bytes = put(&built.join(name), &folder)?;
        let megabytes = f64::from(u32::try_from(bytes.len())?) / 1e6;
        say(format_args!("target/lambda/{name}/bootstrap  {megabytes:.2} MB"));
        let needed = newest_glibc(&bytes);
        if needed > GLIBC {
            say(format_args!(
                "  warning: {name} needs glibc {}.{}, but Lambda has {}.{}, so it cannot start there; build on Amazon Linux \
                 2023, or with cargo-zigbuild or cargo-lambda",
                needed.0, needed.1, GLIBC.0, GLIBC.1
            ));
        }
    }
    Ok(())
}

/// Copies a binary to the folder of its function, and returns its bytes.
fn put(binary: &Path, folder: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = fs::read(binary).with_context(|| format!("cannot read `{}`", binary.display()))?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    let bootstrap = folder.join("bootstrap");
    fs::copy(binary, &bootstrap).with_context(|| format!("cannot write `{}`", bootstrap.display()))?;
    Ok(bytes)
}

/// The architecture of this machine, with Lambda's name.
fn host_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    }
}

/// The default architecture of the template.
fn architecture(template: &str) -> anyhow::Result<String> {
    let (_, parameter) = template
        .split_once("\n  Architecture:\n")
        .context("template.yaml has no parameter `Architecture`")?;
    let own = parameter.lines().take_while(|line| line.starts_with("    "));
    let mut defaults = own.filter_map(|line| line.trim().strip_prefix("Default: "));
    Ok(defaults.next().context("the parameter `Architecture` in template.yaml has no `Default`")?.to_owned())
}

/// The newest version of glibc that a binary needs.
fn newest_glibc(binary: &[u8]) -> (u32, u32) {
    let name = b"GLIBC_2.";
    let minor = |at: usize| {
        let digits = binary[at + name.len()..].iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold(0_u32, |number, byte| number.saturating_mul(10).saturating_add(u32::from(byte - b'0')))
    };
    let found = binary.windows(name.len()).enumerate().filter(|(_, window)| window == name);
    (2, found.map(|(at, _)| minor(at)).max().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architecture_is_the_default_of_its_own_parameter() {
        let template = "Parameters:\n  Other:\n    Default: x\n  Architecture:\n    Type: String\n    Default: arm64\n  Next:\n    Default: y\n";

        assert_eq!(architecture(template).unwrap(), "arm64");
        assert_eq!(architecture(&read("template.yaml").unwrap()).unwrap(), "arm64");
        assert!(
            architecture("Parameters:\n  Architecture:\n    Type: String\n  Next:\n    Default: y\n")
                .is_err()
        );
    }

    #[test]
    fn newest_c_library_counts_not_the_last() {
        assert_eq!(newest_glibc(b"..GLIBC_2.2.5\0GLIBC_2.38\0GLIBC_2.17\0"), (2, 38));
        assert_eq!(newest_glibc(b"static"), (2, 0));
    }
}
