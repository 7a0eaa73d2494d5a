//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, bail};
use lexopt::Arg::Long;
use lexopt::ValueExt;

/// What the command was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// Where everything is kept.
    pub data: PathBuf,
    /// Whether to begin with nothing and to leave nothing.
    pub ephemeral: bool,
    /// Whether to begin with a small organisation to look at.
    pub demo: bool,
    /// Where mail is taken.
    pub mail_listen: SocketAddr,
    /// Where the embedded services are served to other programs.
    pub aws_listen: Option<SocketAddr>,
}

/// What `--help` shows.
pub const HELP: &str = "\
cargo local: the whole of Firebell in one process

  --listen ADDR:PORT      where HTTP is served (default 127.0.0.1:8080)
  --data DIR              where everything is kept (default .local)
  --ephemeral             begin with nothing and leave nothing
  --demo                  begin with a small organisation to look at
  --mail-listen ADDR:PORT where mail for alert sources is taken (default 127.0.0.1:2525)
  --aws-listen ADDR:PORT  serve the embedded database and queues to other programs
  --help                  show this

Settings are FIREBELL_* variables: see the table in the README.
";

impl Options {
    /// Reads the command line; none if it asks for help.
    ///
    /// # Errors
    /// If it asks for something that there is not.
    pub fn parse() -> anyhow::Result<Option<Self>> {
        let mut options = Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data: PathBuf::from(".local"),
            ephemeral: false,
            demo: false,
            mail_listen: SocketAddr::from(([127, 0, 0, 1], 2525)),
            aws_listen: None,
        };
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("listen") => options.listen = address(&mut parser, "--listen")?,
                Long("mail-listen") => options.mail_listen = address(&mut parser, "--mail-listen")?,
                Long("aws-listen") => options.aws_listen = Some(address(&mut parser, "--aws-listen")?),
                Long("data") => options.data = parser.value()?.into(),
                Long("ephemeral") => options.ephemeral = true,
                Long("demo") => options.demo = true,
                Long("help") => return Ok(None),
                other => bail!("{}\n\n{HELP}", other.unexpected()),
            }
        }
        Ok(Some(options))
    }
}

fn address(parser: &mut lexopt::Parser, option: &str) -> anyhow::Result<SocketAddr> {
    let value = parser.value()?.string()?;
    value
        .parse()
        .with_context(|| format!("{option} `{value}` is no address: use ADDR:PORT, as 127.0.0.1:8080"))
}
