//! Parses the URL of a mail server: host, port, encryption and credentials.

use std::fmt;
use std::net::IpAddr;

use lettre::transport::smtp::authentication::Credentials;
use percent_encoding::percent_decode_str;
use url::{Host, ParseError, Url};

use super::SettingsError;

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encryption {
    /// TLS from the first byte (`smtps://`).
    Wrapped,
    /// `STARTTLS`; nothing is sent without it.
    Required,
    /// `STARTTLS` if the server offers it.
    Opportunistic,
    /// No encryption.
    None,
}

/// A mail server and how to connect to it.
#[derive(Clone)]
pub(super) struct MailServer {
    /// The host name or IP address.
    pub(super) host: String,
    /// The port.
    pub(super) port: u16,
    /// How connections are encrypted.
    pub(super) encryption: Encryption,
    /// The user name and password, if the server needs them.
    pub(super) credentials: Option<Credentials>,
}

impl MailServer {
    /// Parses `smtp://user:password@host:port?tls=required`; everything after the host is optional.
    ///
    /// Anything unknown is an error, so that a typing error cannot switch encryption off.
    pub(super) fn parse(url: &str) -> Result<Self, SettingsError> {
        let bad = SettingsError::BadUrl;
        let url = Url::parse(url.trim()).map_err(|error| bad(reason_of(error)))?;
        let wrapped = match url.scheme() {
            "smtps" => true,
            "smtp" => false,
            _ => return Err(bad("the scheme must be `smtp` or `smtps`")),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(bad("a path is not allowed; write a `/` in the password as `%2F`"));
        }
        let host = match url.host() {
            Some(Host::Domain(host)) if !host.is_empty() => host.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(Host::Domain(_)) | None => return Err(bad("the host is missing")),
        };
        let query = url.query().unwrap_or_default();
        let is_loopback =
            host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let encryption = match (wrapped, query) {
            (true, "") => Encryption::Wrapped,
            (true, _) => return Err(bad("`smtps` does not allow the `tls` parameter")),
            (false, "") if is_loopback => Encryption::None,
            (false, "" | "tls=opportunistic") => Encryption::Opportunistic,
            (false, "tls=required") => Encryption::Required,
            (false, "tls=none") => Encryption::None,
            (false, _) => {
                return Err(bad(
                    "the only parameter is `tls`, with the value `required`, `opportunistic` or `none`",
                ));
            }
        };
        let default_port = match encryption {
            Encryption::Wrapped => 465,
            _ if is_loopback => 25,
            Encryption::Required | Encryption::Opportunistic | Encryption::None => 587,
        };
        Ok(Self {
            host,
            port: url.port().unwrap_or(default_port),
            encryption,
            credentials: credentials(&url)?,
        })
    }
}

/// Why a URL cannot be parsed, without any part of it.
const fn reason_of(error: ParseError) -> &'static str {
    match error {
        ParseError::RelativeUrlWithoutBase => "the scheme is missing",
        ParseError::EmptyHost => "the host is missing",
        ParseError::InvalidPort => "the port is not a number from 0 to 65535",
        ParseError::InvalidIpv4Address | ParseError::InvalidIpv6Address => "the IP address is invalid",
        _ => "it is not a valid URL",
    }
}

/// The user name and password of a URL, which may be percent-encoded; `None` if it has neither.
fn credentials(url: &Url) -> Result<Option<Credentials>, SettingsError> {
    let bad = SettingsError::BadUrl;
    let decoded = |text: &str| match percent_decode_str(text).decode_utf8() {
        Ok(text) if !text.is_empty() => Ok(text.into_owned()),
        _ => Err(bad("the user name or password is empty or not valid UTF-8")),
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        (_, None) => Err(bad("the password is missing after the user name")),
        (name, Some(password)) => Ok(Some(Credentials::new(decoded(name)?, decoded(password)?))),
    }
}

/// Shows the host, port and encryption, without credentials.
impl fmt::Display for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encryption = match self.encryption {
            Encryption::Wrapped => "with TLS",
            Encryption::Required => "with STARTTLS",
            Encryption::Opportunistic => "with STARTTLS if the server offers it",
            Encryption::None => "without encryption",
        };
        write!(f, "{} port {} {encryption}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_is_parsed() {
        let cases = [
            ("smtp://mail.example.com", "mail.example.com port 587 with STARTTLS if the server offers it"),
            ("smtp://mail.example.com:25?tls=required", "mail.example.com port 25 with STARTTLS"),
            ("SMTP://mail.example.com/?tls=none", "mail.example.com port 587 without encryption"),
            ("smtps://u:p@mail.example.com", "mail.example.com port 465 with TLS"),
            ("smtp://127.0.0.1:2525", "127.0.0.1 port 2525 without encryption"),
            ("smtp://localhost", "localhost port 25 without encryption"),
            ("smtp://[::1]:2525", "::1 port 2525 without encryption"),
            ("smtp://[2001:db8::1]", "2001:db8::1 port 587 with STARTTLS if the server offers it"),
            (
                "smtp://localhost:1025?tls=opportunistic",
                "localhost port 1025 with STARTTLS if the server offers it",
            ),
        ];
        for (url, expected) in cases {
            assert_eq!(
                MailServer::parse(url).map(|server| server.to_string()).as_deref(),
                Ok(expected),
                "{url}"
            );
        }
    }

    #[test]
    fn user_and_password_are_decoded() {
        let of = |url| MailServer::parse(url).unwrap().credentials;
        let expected =
            |name: &str, password: &str| Some(Credentials::new(name.to_owned(), password.to_owned()));

        assert_eq!(of("smtp://mail.example.com"), None);
        assert_eq!(of("smtps://ada%40example.com:p%2Fw%3A1@h"), expected("ada@example.com", "p/w:1"));
        assert_eq!(of("smtps://ada@example.com:p@ss:w@h"), expected("ada@example.com", "p@ss:w"));
    }

    #[test]
    fn invalid_url_is_refused_without_showing_the_password() {
        let urls = [
            "",
            "mail.example.com",
            "http://mail.example.com",
            "smtp://",
            "smtp://user:hunter2@",
            "smtp://user:hunter2@host:port",
            "smtp://user:hunter2@host?tls=require",
            "smtp://user:hunter2@host?TLS=required",
            "smtps://user:hunter2@host?tls=none",
            "smtp://hunter2@host",
            "smtp://user:@host",
            "smtp://user:hunter2/@host",
            "smtp://user:hunter2%FF@host",
            "smtp://[::1",
        ];
        for url in urls {
            let error = MailServer::parse(url).err().unwrap_or_else(|| panic!("`{url}` was read"));
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
