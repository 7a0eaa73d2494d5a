//! The commands of `cargo xtask`, their help texts, and mistakes on the command line.

use std::fmt;

use lexopt::Arg::{self, Long, Short, Value};
use lexopt::Parser;

use crate::{check, generate, guards, new_function, package, project, readme, scenarios};

/// A command.
pub(crate) struct Command {
    /// The name.
    pub(crate) name: &'static str,
    /// One line for the list of commands.
    summary: &'static str,
    /// The text of `--help`, after the summary.
    help: &'static str,
    /// Runs the command with the rest of the command line.
    pub(crate) run: fn(&mut Parser) -> anyhow::Result<()>,
}

/// All commands: one entry each.
pub(crate) const COMMANDS: &[Command] = &[
    Command {
        name: "check",
        summary: "Check everything that must hold before a change is merged",
        help: "\
Usage: cargo xtask check [--all] [--only STEP]...

Runs formatting, lints, tests, documentation and stories, step by step, and stops at the first step that fails.
Prints how long each step took at the end.

Options:
      --all        Also run the steps that need more than Rust: the real Alertmanager, a browser, an AWS emulator,
                   clients in Python and others. No step is skipped: if a tool is missing, the check fails and names
                   it. `.ci/run` installs all of them on Debian first.
      --only STEP  Run only this step. The option can be repeated. A missing tool is an error.
      --list       List the steps and what they need, without running them
",
        run: check::check,
    },
    Command {
        name: "generate",
        summary: "Write the generated files of functions, and the generated tables, again",
        help: "\
Usage: cargo xtask generate

Writes what follows from the registry of alert sources and from the folders in functions/:
  functions/alert-source-*        the packages of alert sources, unless their lib.rs is written by hand
  functions/*                     main.rs, and Cargo.toml up to the dependencies
  template.yaml                   the resources of alert sources, with their rights and routes
  events/alert-source-*           the events that are missing
  Cargo.toml, infra/local         the lines of each function
Then runs `cargo xtask readme`. Run it after you added an alert source or another function.
",
        run: generate::write,
    },
    Command {
        name: "new-function",
        summary: "Create the package of a new function, and everything that belongs to it",
        help: "\
Usage: cargo xtask new-function NAME --trigger http|sqs|stream|schedule

Creates the package in functions/NAME, its block in template.yaml, its example event and its line in `cargo local`, and
prints what is left to do by hand. Existing files are kept, so the command can be repeated.

A name is a concept and a verb in lower-case words with hyphens, for example alert-handle.
  api-RESOURCE          the function of an API resource (--trigger http)

Options:
      --trigger http      HTTP requests start the function
      --trigger sqs       Messages of a queue of the same name start it
      --trigger stream    Records of the table's stream start it
      --trigger schedule  It starts each minute
",
        run: new_function::new_function,
    },
    Command {
        name: "package",
        summary: "Build the functions to where template.yaml looks for them",
        help: "\
Usage: cargo xtask package [OPTIONS] [FUNCTION…]

Builds target/lambda/FUNCTION/bootstrap for the named functions, or for all of them, and prints their sizes.

Options:
      --profile NAME  The build profile [default: deploy]
      --host          Build for this machine, also if template.yaml deploys to another architecture
",
        run: package::package,
    },
    Command {
        name: "stories",
        summary: "Run the main story with many random seeds",
        help: "\
Usage: cargo xtask stories [--seeds N]

Runs the main story in the release profile. Each seed draws other faults: lost, repeated and late messages, failed
calls, killed functions.

Options:
      --seeds N  How many seeds [default: 1000]
",
        run: scenarios::stories,
    },
    Command {
        name: "guards",
        summary: "Remove each guard from the code once, and check that a story fails",
        help: "\
Usage: cargo xtask guards

Applies each patch of shared/testing/guards to a scratch copy of the last commit, and runs the story that must fail
without the guard. Fails if a story passes all the same.
",
        run: guards::run,
    },
    Command {
        name: "kills",
        summary: "Kill the running program again and again under load",
        help: "\
Usage: cargo xtask kills [--kills N] [--alerts N]

Starts `cargo local`, sends alerts to it, kills it with kill -9 at random moments, and checks that no accepted alert is
lost.

Options:
      --kills N   How often the program is killed [default: 30]
      --alerts N  The number of alerts, at least [default: 500]
",
        run: scenarios::kills,
    },
    Command {
        name: "cost",
        summary: "Print the cost of an installation on AWS",
        help: "\
Usage: cargo xtask cost

Counts calls and capacity units of an idle installation and of a million alerts, and prints the bill.
",
        run: readme::cost,
    },
    Command {
        name: "readme",
        summary: "Write the generated tables and drawings, and the API description, again",
        help: "\
Usage: cargo xtask readme

Writes the generated parts of the documentation and the OpenAPI description from the code.
",
        run: readme::write,
    },
];

/// The text of `cargo xtask --help`.
pub(crate) fn overview() -> String {
    let mut text = "The project's own tool.\n\nUsage: cargo xtask COMMAND\n\nCommands:\n".to_owned();
    for Command { name, summary, .. } in COMMANDS {
        text += &format!("  {name:<13} {summary}\n");
    }
    text + "\nRun `cargo xtask COMMAND --help` for the options of a command.\n"
}

/// A mistake on the command line.
#[derive(Debug)]
pub(crate) struct UsageError(String);

impl UsageError {
    /// A mistake in the options of a command, or in the name of the command.
    pub(crate) fn new(text: &str, command: Option<&str>) -> Self {
        let help =
            command.map_or_else(|| "cargo xtask --help".to_owned(), |it| format!("cargo xtask {it} --help"));
        Self(format!("{text}; run `{help}` to see what is possible"))
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// Handles an argument that a command does not know: prints the help text and ends, or describes the mistake.
pub(crate) fn other(command: &str, argument: Arg<'_>) -> anyhow::Error {
    let text = match argument {
        Long("help") | Short('h') => {
            let found = COMMANDS.iter().find(|it| it.name == command);
            let found = found.expect("a command is in the list of commands");
            project::print(format_args!("{}.\n\n{}", found.summary, found.help));
            std::process::exit(0);
        }
        Long(option) => format!("unknown option `--{option}`"),
        Short(option) => format!("unknown option `-{option}`"),
        Value(value) => format!("unexpected argument `{}`", value.to_string_lossy()),
    };
    UsageError::new(&text, Some(command)).into()
}

/// Reads the rest of the command line of a command without options.
pub(crate) fn no_options(command: &str, parser: &mut Parser) -> anyhow::Result<()> {
    match parser.next()? {
        None => Ok(()),
        Some(argument) => Err(other(command, argument)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_help_text_that_fits_a_terminal() {
        for command in COMMANDS {
            let usage = format!("Usage: cargo xtask {}", command.name);
            assert!(command.help.starts_with(&usage), "{}", command.name);
            let fits = command.help.lines().all(|line| line.chars().count() <= 120);
            assert!(fits && !command.summary.ends_with('.'), "{}", command.name);
        }
        assert!(overview().contains("new-function"));
    }

    #[test]
    fn a_mistake_names_the_help_of_its_command() {
        let error = other("check", Long("al"));

        assert_eq!(
            error.to_string(),
            "unknown option `--al`; run `cargo xtask check --help` to see what is possible"
        );
    }
}
