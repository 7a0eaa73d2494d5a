//! `cargo xtask`: the project's own tool.

mod check;
mod generate;
mod guards;
mod help;
mod new_function;
mod package;
mod project;
mod readme;
mod scenarios;
mod served;

use std::process::ExitCode;

use lexopt::Arg::{Long, Short, Value};
use lexopt::Parser;

/// The exit code of a mistake on the command line.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            project::say(format_args!("error: {error:#}"));
            if error.is::<lexopt::Error>() || error.is::<help::UsageError>() {
                ExitCode::from(USAGE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Runs the command that the command line names.
fn run() -> anyhow::Result<()> {
    let mut parser = Parser::from_env();
    match parser.next()? {
        Some(Value(name)) => {
            let name = name.to_string_lossy().into_owned();
            let command = help::COMMANDS.iter().find(|command| command.name == name);
            let command =
                command.ok_or_else(|| help::UsageError::new(&format!("unknown command `{name}`"), None))?;
            (command.run)(&mut parser)
        }
        None | Some(Long("help") | Short('h')) => {
            project::print(help::overview());
            Ok(())
        }
        Some(Long(option)) => {
            Err(help::UsageError::new(&format!("unknown option `--{option}`"), None).into())
        }
        Some(Short(option)) => {
            Err(help::UsageError::new(&format!("unknown option `-{option}`"), None).into())
        }
    }
}
