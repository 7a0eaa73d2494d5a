//! `cargo xtask new-function`: a package, and everything that belongs to it.

mod block;
mod event;
mod package;

use anyhow::{Context, bail, ensure};
use lexopt::Arg::{Long, Value};
use lexopt::{Parser, ValueExt};

use crate::project::{cargo, functions, read, root, run, say, write};

/// What starts a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// Requests.
    Http,
    /// A queue of its own name.
    Sqs,
    /// The table's stream.
    Stream,
    /// Every minute.
    Schedule,
}

/// A function that is to be.
#[derive(Debug, Clone)]
pub(crate) struct New {
    /// Its name.
    pub(crate) name: String,
    /// What starts it.
    pub(crate) trigger: Trigger,
}

impl New {
    /// The name as Rust writes it.
    fn ident(&self) -> String {
        self.name.replace('-', "_")
    }

    /// The name as the template writes it.
    fn logical_id(&self) -> String {
        camel(&self.name)
    }

    /// Whether it serves a resource of the API.
    fn is_api(&self) -> bool {
        self.name.starts_with("api-") && self.trigger == Trigger::Http
    }

    /// The routes that lead to it, each with what tells it from the others.
    ///
    /// A resource of the API has every method, so that a wrong one is refused by us and not by the gateway.
    fn routes(&self) -> Vec<(&'static str, String)> {
        match self.source() {
            Some(kind) => vec![("", format!("POST /v2/alert_events/{kind}/{{id}}"))],
            None if self.is_api() => {
                let resource = package::resource(&self.name);
                vec![("", format!("ANY /v2/{resource}")), ("Each", format!("ANY /v2/{resource}/{{proxy+}}"))]
            }
            None => vec![("", format!("ANY /{}", self.name))],
        }
    }

    /// The kind of source that it receives, if it is a source's function.
    ///
    /// Kinds have underscores, as everything in addresses has; names of functions have hyphens.
    fn source(&self) -> Option<String> {
        let kind = self.name.strip_prefix("alert-source-").filter(|_| self.trigger == Trigger::Http)?;
        Some(kind.replace('-', "_"))
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

/// Makes a function, or completes one.
pub(crate) fn new_function(parser: &mut Parser) -> anyhow::Result<()> {
    let (mut name, mut trigger) = (None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("trigger") => {
                trigger = Some(match parser.value()?.string()?.as_str() {
                    "http" => Trigger::Http,
                    "sqs" => Trigger::Sqs,
                    "stream" => Trigger::Stream,
                    "schedule" => Trigger::Schedule,
                    other => {
                        bail!("a function is started by http, sqs, stream or schedule, not by `{other}`")
                    }
                });
            }
            Value(value) => name = Some(value.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let new = New {
        name: name.context("which name? cargo xtask new-function NAME --trigger http|sqs|stream|schedule")?,
        trigger: trigger.context("what starts it? --trigger http|sqs|stream|schedule")?,
    };
    check(&new.name)?;

    // What is there already stays as it is: a function that somebody began is completed.
    let mut files = if functions()?.contains(&new.name) { Vec::new() } else { package::files(&new) };
    // Those of a source are its own example, signed: they are written once it is in the registry.
    if new.source().is_none() && !root().join("events").join(&new.name).exists() {
        files.push((format!("events/{}/example.json", new.name), event::example(&new)?));
    }
    for (file, add) in [
        ("Cargo.toml", package::dependency as fn(&New, &str) -> anyhow::Result<String>),
        ("infra/local/Cargo.toml", package::local_dependency),
        ("infra/local/src/functions.rs", package::entry),
        ("template.yaml", block::add),
    ] {
        let before = read(file)?;
        let after = add(&new, &before).with_context(|| format!("adding to `{file}`"))?;
        if after != before {
            files.push((file.to_owned(), after));
        }
    }
    for (file, text) in &files {
        write(file, text)?;
        say(format_args!("wrote {file}"));
    }
    // Whatever is run with --locked would refuse the lock file as it was. It needs no network for a package of our own.
    run(cargo(&["update", "--quiet", "--workspace", "--offline"]))?;
    for line in left(&new) {
        say(format_args!("left: {line}"));
    }
    Ok(())
}

/// Says what is wrong with a name: a concept, then a verb.
fn check(name: &str) -> anyhow::Result<()> {
    let words: Vec<&str> = name.split('-').collect();
    let sound = words.iter().all(|word| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    });
    ensure!(sound, "`{name}` is no name of a function: use lower-case words with hyphens, as `alert-handle`");
    Ok(())
}

/// What is left for a person, who knows what the function is for.
fn left(new: &New) -> Vec<String> {
    let New { name, trigger } = new;
    let mut left =
        vec![format!("functions/{name}/src/lib.rs: its first line says what it does, and what it does")];
    match trigger {
        Trigger::Http => match new.source() {
            Some(kind) => left.push(format!(
                "shared/sources/src/source/{kind}.rs and its line in source.rs, if they are not there yet: \
                 shared/sources/README.md"
            )),
            None => left.push(format!("shared/http/src/{}.rs: the router", package::resource(name))),
        },
        Trigger::Sqs => left.push(
            "a variant of Queue in shared/domain/src/message.rs; the compiler then asks for its row in \
             infra/local/src/queues.rs"
                .to_owned(),
        ),
        Trigger::Stream | Trigger::Schedule => {}
    }
    left.push(
        "template.yaml: its rights and its settings; the events test refuses what is not allowed".to_owned(),
    );
    left.push(match new.source() {
        Some(kind) => format!(
            "cargo run --bin source-event {kind}: it writes events/{name}/; their lines in \
             shared/testing/tests/events/sources.rs"
        ),
        None => format!(
            "events/{name}/example.json: a real event, and its line with what it does in \
             shared/testing/tests/events/"
        ),
    });
    left.push("cargo xtask readme, then cargo xtask check".to_owned());
    left
}

/// Adds a line to a block of lines that are in order, unless it is there.
///
/// The block is every line from the first to the last that `ours` takes.
fn insert_sorted(text: &str, line: &str, ours: impl Fn(&str) -> bool) -> anyhow::Result<String> {
    let lines: Vec<&str> = text.lines().collect();
    if lines.contains(&line) {
        return Ok(text.to_owned());
    }
    let first = lines.iter().position(|line| ours(line)).context("there is no line of its kind")?;
    let block = lines[first..].iter().take_while(|line| ours(line)).count();
    let at = first + lines[first..first + block].iter().take_while(|other| **other < line).count();
    let mut lines = lines;
    lines.insert(at, line);
    Ok(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_with_hyphens() {
        for sound in ["web", "alert-handle", "api-v2-alerts"] {
            assert!(check(sound).is_ok(), "{sound}");
        }
        for wrong in ["", "Alert", "alert_handle", "alert--handle", "-alert", "2fa", "alert/handle"] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
        assert_eq!(camel("alert-source-http"), "AlertSourceHttp");
    }

    #[test]
    fn a_line_goes_where_the_order_has_it() {
        let text = "x\na = 1\nc = 3\n\na = 9\n";
        let ours = |line: &str| line.contains(" = ");

        assert_eq!(insert_sorted(text, "b = 2", ours).unwrap(), "x\na = 1\nb = 2\nc = 3\n\na = 9\n");
        assert_eq!(insert_sorted(text, "d = 4", ours).unwrap(), "x\na = 1\nc = 3\nd = 4\n\na = 9\n");
        assert!(insert_sorted("x\n", "b = 2", ours).is_err());
    }
}
