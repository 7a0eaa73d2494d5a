//! `cargo xtask new-function`: creates the package of a function, and everything that belongs to it.

mod block;
mod event;
mod package;

use anyhow::{Context, ensure};
use lexopt::Arg::{Long, Value};
use lexopt::{Parser, ValueExt};
use strum::{EnumString, VariantNames};

use crate::generate::generate;
use crate::help::{UsageError, other};
use crate::project::{functions, read, root, say, write};

/// What starts a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Trigger {
    /// HTTP requests.
    Http,
    /// Messages of a queue of the same name.
    Sqs,
    /// Records of the table's stream.
    Stream,
    /// A schedule: each minute.
    Schedule,
}

/// A function to create.
#[derive(Debug, Clone)]
pub(crate) struct NewFunction {
    /// The name.
    pub(crate) name: String,
    /// What starts it.
    pub(crate) trigger: Trigger,
}

impl NewFunction {
    /// The name as a logical id of the template: `AlertHandle`.
    fn logical_id(&self) -> String {
        camel(&self.name)
    }

    /// Whether the function serves a resource of the API.
    fn is_api(&self) -> bool {
        self.name.starts_with("api-") && self.trigger == Trigger::Http
    }

    /// The routes of the function, each with the suffix of its logical id.
    ///
    /// A resource of the API has a route for any method, so that we refuse a wrong one and not the gateway.
    fn routes(&self) -> Vec<(&'static str, String)> {
        if self.is_api() {
            let resource = package::resource(&self.name);
            return vec![
                ("", format!("ANY /v2/{resource}")),
                ("Each", format!("ANY /v2/{resource}/{{proxy+}}")),
            ];
        }
        vec![("", format!("ANY /{}", self.name))]
    }
}

/// `alert-handle` as `AlertHandle`.
fn camel(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{rest}", first.to_uppercase())
    });
    words.collect()
}

/// Runs `cargo xtask new-function`.
pub(crate) fn new_function(parser: &mut Parser) -> anyhow::Result<()> {
    let (mut name, mut trigger) = (None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("trigger") => {
                let value = parser.value()?.string()?;
                let parsed = value.parse().map_err(|_| {
                    let known = Trigger::VARIANTS.join(", ");
                    usage_error(&format!("unknown trigger `{value}`, the triggers are {known}"))
                })?;
                trigger = Some(parsed);
            }
            Value(value) => name = Some(value.string()?),
            argument => return Err(other("new-function", argument)),
        }
    }
    let new = NewFunction {
        name: name.ok_or_else(|| usage_error("the name of the function is missing"))?,
        trigger: trigger.ok_or_else(|| usage_error("the option `--trigger` is missing"))?,
    };
    check(&new.name)?;

    // Existing files are kept, so that the command completes a function that was begun.
    let mut files = if functions()?.contains(&new.name) { Vec::new() } else { package::files(&new) };
    if !root().join("events").join(&new.name).exists() {
        files.push((format!("events/{}/example.json", new.name), event::example(&new)?));
    }
    let before = read("template.yaml")?;
    let after = block::add(&new, &before).context("cannot add the function to `template.yaml`")?;
    if after != before {
        files.push(("template.yaml".to_owned(), after));
    }
    for (file, text) in &files {
        write(file, text)?;
        say(format_args!("wrote {file}"));
    }
    generate()?;
    say("\nTo do:");
    for (n, line) in to_do(&new).iter().enumerate() {
        say(format_args!("  {}. {line}", n + 1));
    }
    Ok(())
}

/// A mistake on the command line of `new-function`.
fn usage_error(text: &str) -> UsageError {
    UsageError::new(text, Some("new-function"))
}

/// Checks a name: lower-case words with hyphens.
fn check(name: &str) -> anyhow::Result<()> {
    let words: Vec<&str> = name.split('-').collect();
    let valid = words.iter().all(|word| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    });
    ensure!(
        valid,
        "`{name}` is not a valid name; use lower-case words with hyphens, for example `alert-handle`"
    );
    ensure!(
        !name.starts_with("alert-source-"),
        "the functions of alert sources are generated; add the source to the registry as shared/sources/README.md \
         explains, then run `cargo xtask generate`"
    );
    Ok(())
}

/// The steps that are left to do by hand.
fn to_do(new: &NewFunction) -> Vec<String> {
    let NewFunction { name, trigger } = new;
    let mut steps = vec![format!(
        "Write functions/{name}/src/lib.rs. Its first line is the description in the generated tables."
    )];
    match trigger {
        Trigger::Http => {
            steps.push(format!("Write the router in shared/http/src/{}.rs.", package::resource(name)));
        }
        Trigger::Sqs => steps.push(
            "Add a variant of Queue in shared/domain/src/message.rs. The compiler then asks for its settings in \
             infra/local/src/queues.rs."
                .to_owned(),
        ),
        Trigger::Stream | Trigger::Schedule => {}
    }
    steps.push(
        "Add the rights and settings of the function to template.yaml. The events test fails if a right is missing.".to_owned(),
    );
    steps.push(format!(
        "Put a real event into events/{name}/example.json, and add its line to shared/testing/tests/events/."
    ));
    steps.push("Run `cargo xtask generate`, then `cargo xtask check`.".to_owned());
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_with_hyphens() {
        for valid in ["web", "alert-handle", "api-v2-alerts"] {
            assert!(check(valid).is_ok(), "{valid}");
        }
        for wrong in ["", "Alert", "alert_handle", "alert--handle", "-alert", "2fa", "alert/handle"] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
        assert!(check("alert-source-http").unwrap_err().to_string().contains("cargo xtask generate"));
        assert_eq!(camel("api-alert-routes"), "ApiAlertRoutes");
    }
}
