//! The project's own tool.

mod check;
mod guards;
mod new_function;
mod package;
mod project;
mod readme;
mod scenarios;
mod served;

use std::process::ExitCode;

use lexopt::Arg::{Long, Short, Value};
use lexopt::Parser;

/// What `--help` shows.
const HELP: &str = "\
cargo xtask COMMAND

  check [--all]                 everything that must hold before a change is done;
                                with --all also what needs more than Rust, and nothing is skipped
  package [--profile P] [--host] [FUNCTION…]
                                target/lambda/<function>/bootstrap, where template.yaml looks for it
  new-function NAME --trigger http|sqs|stream|schedule
                                a package and everything that belongs to it; completes one that was begun
  stories [--seeds N]           the master story through as many seeds, optimised
  guards                        remove each guard once and see its story fail
  kills [--kills N] [--alerts N]
                                kill -9 at random moments under load
  cost                          what an installation costs idle, and a million alerts
  readme                        write the generated parts of the documents, and the description of the API
";

fn main() -> ExitCode {
    match command() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            project::say(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Does what the command line asks for.
fn command() -> anyhow::Result<()> {
    let mut parser = Parser::from_env();
    match parser.next()? {
        Some(Value(command)) => match command.to_str() {
            Some("check") => check::check(&mut parser),
            Some("package") => package::package(&mut parser),
            Some("new-function") => new_function::new_function(&mut parser),
            Some("stories") => scenarios::stories(&mut parser),
            Some("guards") => guards::run(),
            Some("kills") => scenarios::kills(&mut parser),
            Some("readme") => readme::write(),
            Some("cost") => readme::cost(),
            _ => anyhow::bail!("there is no command {command:?}\n\n{HELP}"),
        },
        None | Some(Long("help") | Short('h')) => {
            project::say(HELP);
            Ok(())
        }
        Some(other) => Err(other.unexpected().into()),
    }
}
