//! The options of the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use lexopt::Arg::{Long, Short, Value};
use lexopt::{Parser, ValueExt};

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Run Firebell.
    Run(Options),
    /// Print the help text.
    Help,
    /// Print the version.
    Version,
}

/// The options of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The address of the web pages and the API.
    pub listen: SocketAddr,
    /// The data directory.
    pub data: PathBuf,
    /// Whether the data is temporary: a new directory, removed at the end.
    pub ephemeral: bool,
    /// Whether a new data directory starts with a demo organisation.
    pub demo: bool,
    /// The address of the SMTP server that receives email for alert sources.
    pub mail_listen: SocketAddr,
    /// The address where other programs can use the embedded database and queues, if they may.
    pub aws_listen: Option<SocketAddr>,
}

/// A mistake on the command line, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} Run `cargo local --help` to see all options.")]
pub struct UsageError(String);

/// The text of `--version`.
pub const VERSION: &str = concat!("Firebell ", env!("CARGO_PKG_VERSION"), "\n");

/// The text of `--help`.
pub const HELP: &str = "\
Runs all of Firebell in one process, with an embedded database and queues.

Usage: cargo local [OPTIONS]

Options:
      --listen ADDR:PORT       Serve the web pages and the API at this address [default: 127.0.0.1:8080]
      --data DIR               Keep all data in this directory [default: .local]
      --ephemeral              Keep the data in a temporary directory, and remove it at the end
      --demo                   Create a demo organisation with one alert that pages, if the data directory is new
      --mail-listen ADDR:PORT  Receive email for alert sources at this address [default: 127.0.0.1:2525]
      --aws-listen ADDR:PORT   Let other programs use the embedded database and queues at this address,
                               which checks no signatures
  -h, --help                   Print this help
  -V, --version                Print the version

Settings are environment variables that start with FIREBELL_, for example FIREBELL_SMTP_URL=smtp://localhost:1025.
The README lists all of them.
";

/// An address as people type it.
const EXAMPLE: &str = "127.0.0.1:8081";

impl Command {
    /// Reads the command line.
    ///
    /// # Errors
    /// [`UsageError`] if an option is unknown or its value is invalid.
    pub fn parse(mut parser: Parser) -> Result<Self, UsageError> {
        let mut options = Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data: PathBuf::from(".local"),
            ephemeral: false,
            demo: false,
            mail_listen: SocketAddr::from(([127, 0, 0, 1], 2525)),
            aws_listen: None,
        };
        let mut data = None;
        while let Some(argument) = parser.next().map_err(usage_error)? {
            match argument {
                Long("listen") => options.listen = address(&mut parser, "--listen")?,
                Long("mail-listen") => options.mail_listen = address(&mut parser, "--mail-listen")?,
                Long("aws-listen") => options.aws_listen = Some(address(&mut parser, "--aws-listen")?),
                Long("data") => data = Some(parser.value().map_err(usage_error)?.into()),
                Long("ephemeral") => options.ephemeral = true,
                Long("demo") => options.demo = true,
                Long("help") | Short('h') => return Ok(Self::Help),
                Long("version") | Short('V') => return Ok(Self::Version),
                Long(name) => return Err(UsageError(format!("unknown option `--{name}`."))),
                Short(name) => return Err(UsageError(format!("unknown option `-{name}`."))),
                Value(value) => {
                    return Err(UsageError(format!("unexpected argument `{}`.", value.to_string_lossy())));
                }
            }
        }
        if data.is_some() && options.ephemeral {
            let text = "`--data` and `--ephemeral` cannot be used together.";
            return Err(UsageError(text.to_owned()));
        }
        options.data = data.unwrap_or(options.data);
        Ok(Self::Run(options))
    }
}

/// Reads the value of an option that takes an address.
fn address(parser: &mut Parser, option: &str) -> Result<SocketAddr, UsageError> {
    let value = parser.value().and_then(|value| value.string()).map_err(usage_error)?;
    value.parse().map_err(|_| {
        UsageError(format!(
            "`{option}` needs an IP address and a port, for example `{option} {EXAMPLE}`, not `{value}`."
        ))
    })
}

/// Describes a mistake that the parser found.
fn usage_error(error: lexopt::Error) -> UsageError {
    UsageError(match error {
        lexopt::Error::MissingValue { option: Some(option) } => {
            format!("the option `{option}` needs a value.")
        }
        lexopt::Error::UnexpectedValue { option, .. } => format!("the option `{option}` takes no value."),
        other => format!("{other}."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Command, UsageError> {
        Command::parse(Parser::from_args(arguments))
    }

    fn error(arguments: &[&str]) -> String {
        parse(arguments).unwrap_err().to_string()
    }

    #[test]
    fn options_have_defaults() {
        let Command::Run(options) = parse(&[]).unwrap() else { panic!("it is not a run") };

        assert_eq!(options.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(options.mail_listen.to_string(), "127.0.0.1:2525");
        assert_eq!(options.data, PathBuf::from(".local"));
        assert!(!options.demo && !options.ephemeral && options.aws_listen.is_none());
    }

    #[test]
    fn help_and_version_have_a_short_and_a_long_form() {
        for help in ["-h", "--help"] {
            assert_eq!(parse(&["--demo", help]), Ok(Command::Help));
        }
        for version in ["-V", "--version"] {
            assert_eq!(parse(&[version]), Ok(Command::Version));
        }
    }

    #[test]
    fn a_mistake_is_one_line_that_names_the_option_and_what_to_do() {
        let cases: [(&[&str], &str); 7] = [
            (&["--lisen", "127.0.0.1:80"], "unknown option `--lisen`."),
            (&["-x"], "unknown option `-x`."),
            (&["demo"], "unexpected argument `demo`."),
            (&["--data"], "the option `--data` needs a value."),
            (&["--demo=yes"], "the option `--demo` takes no value."),
            (
                &["--listen", "8080"],
                "`--listen` needs an IP address and a port, for example `--listen 127.0.0.1:8081`, not `8080`.",
            ),
            (&["--ephemeral", "--data", "x"], "`--data` and `--ephemeral` cannot be used together."),
        ];
        for (arguments, expected) in cases {
            let expected = format!("{expected} Run `cargo local --help` to see all options.");
            assert_eq!(error(arguments), expected, "{arguments:?}");
        }
    }

    #[test]
    fn the_help_fits_a_terminal() {
        assert!(HELP.lines().all(|line| line.len() <= 120));
    }
}
