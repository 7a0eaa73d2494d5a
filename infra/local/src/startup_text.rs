//! The text that `cargo local` prints when it has started: what runs where, and how to begin.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::demo::Demo;
use secrecy::ExposeSecret;

/// What is printed when Firebell has started.
pub struct StartupText<'a> {
    /// The address of the web pages and the API.
    pub url: &'a str,
    /// The data directory.
    pub data: &'a Path,
    /// Whether the data directory is removed at the end.
    pub ephemeral: bool,
    /// The API key.
    pub api_key: ApiKeyText,
    /// Where sent email goes.
    pub sent_mail: SentMailText,
    /// The address where email is received and the domain of its recipients; the reason if none is received.
    pub received_mail: Result<(SocketAddr, String), String>,
    /// The address of the embedded database and queues, if other programs may use them.
    pub aws: Option<SocketAddr>,
    /// The link that signs the owner in.
    pub sign_in: Option<String>,
    /// The demo organisation, if it was created now.
    pub demo: Option<&'a Demo>,
}

/// What is printed about the API key.
pub enum ApiKeyText {
    /// It was created now, and is in this file.
    New(String, PathBuf),
    /// It was created by an earlier start, and is in this file.
    InFile(PathBuf),
    /// It was created by an earlier start, and its file is gone.
    Elsewhere,
}

/// What is printed about sent email.
pub enum SentMailText {
    /// It is written to files in this directory.
    Files(PathBuf),
    /// It is sent through this mail server.
    Server(String),
}

/// A line with a label.
fn line(f: &mut fmt::Formatter<'_>, label: &str, text: impl fmt::Display) -> fmt::Result {
    writeln!(f, "  {label:<20}{text}")
}

impl fmt::Display for StartupText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, "Web pages and API", self.url)?;
        let kept = if self.ephemeral { " (temporary: it is removed at the end)" } else { "" };
        line(f, "Data directory", format_args!("{}{kept}", self.data.display()))?;
        match &self.api_key {
            ApiKeyText::New(key, file) => {
                line(f, "API key", format_args!("{key} (also in {})", file.display()))?;
            }
            ApiKeyText::InFile(file) => line(f, "API key", format_args!("in {}", file.display()))?,
            ApiKeyText::Elsewhere => {
                line(f, "API key", format_args!("create one at {}/api-keys", self.url))?;
            }
        }
        match &self.sent_mail {
            SentMailText::Files(dir) => line(
                f,
                "Email to people",
                format_args!("written to files in {}; set FIREBELL_SMTP_URL to send it", dir.display()),
            )?,
            SentMailText::Server(server) => {
                line(f, "Email to people", format_args!("sent through {server}"))?;
            }
        }
        match &self.received_mail {
            Ok((address, domain)) => line(
                f,
                "Email to sources",
                format_args!("received at smtp://{address}, for addresses that end in @{domain}"),
            )?,
            Err(reason) => line(f, "Email to sources", format_args!("not received: {reason}"))?,
        }
        if let Some(address) = self.aws {
            line(f, "Embedded AWS", format_args!("http://{address} (signatures are not checked)"))?;
        }
        if let Some(demo) = self.demo {
            writeln!(f)?;
            line(
                f,
                "Demo organisation",
                "Ada Oncall is notified first. If nobody acknowledges within 5 minutes, Grace Backup is.",
            )?;
            let url = format!("{}/v2/alert_events/alertmanager/{}", self.url, demo.source.id);
            line(f, "Demo alert source", url)?;
            line(f, "Demo source secret", demo.secret.expose_secret())?;
            match &self.sent_mail {
                SentMailText::Files(dir) => line(
                    f,
                    "Demo alert",
                    format_args!("fires now; the email to Ada appears in {} as a .txt file", dir.display()),
                )?,
                SentMailText::Server(_) => line(f, "Demo alert", "fires now; Ada gets an email")?,
            }
        }
        if let Some(link) = &self.sign_in {
            writeln!(f, "\n  Sign in as the owner with this link. It works once, for 15 minutes:\n  {link}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_what_runs_where() {
        let text = StartupText {
            url: "http://127.0.0.1:8080",
            data: Path::new(".local"),
            ephemeral: false,
            api_key: ApiKeyText::New("fb_example".to_owned(), PathBuf::from(".local/api-key")),
            sent_mail: SentMailText::Files(PathBuf::from(".local/mail")),
            received_mail: Ok((SocketAddr::from(([127, 0, 0, 1], 2525)), "localhost".to_owned())),
            aws: None,
            sign_in: Some("http://127.0.0.1:8080/sign-in?token=x".to_owned()),
            demo: None,
        };

        assert_eq!(
            text.to_string(),
            "  Web pages and API   http://127.0.0.1:8080
  Data directory      .local
  API key             fb_example (also in .local/api-key)
  Email to people     written to files in .local/mail; set FIREBELL_SMTP_URL to send it
  Email to sources    received at smtp://127.0.0.1:2525, for addresses that end in @localhost

  Sign in as the owner with this link. It works once, for 15 minutes:
  http://127.0.0.1:8080/sign-in?token=x
"
        );
    }
}
