//! The package of a new function, and its lines in other packages.

use anyhow::Context;

use super::{NewFunction, Trigger, insert_sorted};

/// The files of the package.
pub(super) fn files(new: &NewFunction) -> Vec<(String, String)> {
    let folder = format!("functions/{}", new.name);
    vec![
        (format!("{folder}/Cargo.toml"), manifest(new)),
        (format!("{folder}/src/lib.rs"), library(new)),
        (format!("{folder}/src/main.rs"), binary(new)),
    ]
}

fn manifest(new: &NewFunction) -> String {
    let dependencies = match new.trigger {
        Trigger::Http => "app.workspace = true\nhttp-api.workspace = true\nruntime.workspace = true\n",
        Trigger::Sqs => "app.workspace = true\nruntime.workspace = true\nserde_json.workspace = true\n",
        Trigger::Stream => {
            "app.workspace = true\naws_lambda_events.workspace = true\nruntime.workspace = true\n"
        }
        Trigger::Schedule => "app.workspace = true\nruntime.workspace = true\n",
    };
    let name = &new.name;
    format!(
        r#"[package]
name = "{name}"
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
name = "{name}"
path = "src/main.rs"
test = false
doc = false

[dependencies]
{dependencies}"#
    )
}

/// The module of `http-api` that an HTTP function serves: `api-alert-routes` serves `alert_routes`.
pub(super) fn resource(name: &str) -> String {
    name.strip_prefix("api-").unwrap_or(name).replace('-', "_")
}

fn library(new: &NewFunction) -> String {
    let name = &new.name;
    match new.trigger {
        Trigger::Http => {
            let resource = resource(name);
            format!(
                r#"//! Answers the HTTP requests of `{name}`.

use app::Context;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {{
    runtime::http(http_api::{resource}::router(ctx))
}}
"#
            )
        }
        Trigger::Sqs => format!(
            r#"//! Handles the messages of the queue `{name}`.

use app::{{AppError, Context}};
use runtime::{{Delivery, Function}};

/// The function.
pub fn function(ctx: Context) -> Function {{
    runtime::sqs(move |delivery| handle(ctx.clone(), delivery))
}}

async fn handle(_ctx: Context, _delivery: Delivery<serde_json::Value>) -> Result<(), AppError> {{
    Ok(())
}}
"#
        ),
        Trigger::Stream => format!(
            r#"//! Handles the records of the table's stream for `{name}`.

use app::{{AppError, Context}};
use aws_lambda_events::dynamodb::EventRecord;
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {{
    runtime::stream(move |records| handle(ctx.clone(), records))
}}

async fn handle(_ctx: Context, _records: Vec<EventRecord>) -> Result<(), AppError> {{
    Ok(())
}}
"#
        ),
        Trigger::Schedule => format!(
            r#"//! Runs `{name}` each minute.

use app::{{AppError, Context}};
use runtime::Function;

/// The function.
pub fn function(ctx: Context) -> Function {{
    runtime::schedule(move || run(ctx.clone()))
}}

async fn run(_ctx: Context) -> Result<(), AppError> {{
    Ok(())
}}
"#
        ),
    }
}

fn binary(new: &NewFunction) -> String {
    let (name, ident) = (&new.name, new.ident());
    format!(
        r#"//! Runs `{name}` on Lambda.

fn main() -> Result<(), runtime::Error> {{
    runtime::run({ident}::function)
}}
"#
    )
}

/// Adds the package to the dependencies of the workspace.
pub(super) fn dependency(new: &NewFunction, manifest: &str) -> anyhow::Result<String> {
    let line = format!("{0} = {{ path = \"functions/{0}\" }}", new.name);
    insert_sorted(manifest, &line, |line| line.contains("{ path = \"functions/"))
}

/// Adds the package to the dependencies of `cargo local`.
pub(super) fn local_dependency(new: &NewFunction, manifest: &str) -> anyhow::Result<String> {
    let (head, tail) = manifest.split_once("[dependencies]\n").context("there is no `[dependencies]`")?;
    let line = format!("{}.workspace = true", new.name);
    let added = insert_sorted(tail, &line, |line| line.contains(" = "))?;
    Ok(format!("{head}[dependencies]\n{added}"))
}

/// Adds the function to the list of functions of `cargo local`.
pub(super) fn entry(new: &NewFunction, source: &str) -> anyhow::Result<String> {
    let line = format!("    \"{}\" => {},", new.name, new.ident());
    insert_sorted(source, &line, |line| line.starts_with("    \"") && line.contains("\" => "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::read;

    #[test]
    fn lines_are_added_to_the_files_as_they_are() {
        let new = NewFunction { name: "alert-zap".to_owned(), trigger: Trigger::Schedule };
        let added = |file: &str, add: fn(&NewFunction, &str) -> anyhow::Result<String>| {
            let (before, after) = (read(file).unwrap(), add(&new, &read(file).unwrap()).unwrap());
            let line =
                after.lines().find(|line| !before.lines().any(|other| other == *line)).unwrap().to_owned();
            assert_eq!(after.replacen(&format!("{line}\n"), "", 1), before, "{file}");
            line
        };

        assert_eq!(added("Cargo.toml", dependency), "alert-zap = { path = \"functions/alert-zap\" }");
        assert_eq!(added("infra/local/Cargo.toml", local_dependency), "alert-zap.workspace = true");
        assert_eq!(added("infra/local/src/functions.rs", entry), "    \"alert-zap\" => alert_zap,");
    }

    #[test]
    fn resource_is_what_the_name_says() {
        assert_eq!(resource("api-alert-routes"), "alert_routes");
        assert_eq!(resource("web"), "web");
    }
}
