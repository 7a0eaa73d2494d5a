//! Where the mail server is and how to speak to it, read from one address.

use std::fmt;
use std::net::IpAddr;

use lettre::transport::smtp::authentication::Credentials;
use percent_encoding::percent_decode_str;

use super::SettingsError;

/// How a connection comes to be encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encryption {
    /// From its first byte.
    Wrapped,
    /// By `STARTTLS`, or nothing is sent.
    Required,
    /// By `STARTTLS` if the server offers it.
    Opportunistic,
    /// Not at all.
    None,
}

/// A mail server.
#[derive(Clone)]
pub(super) struct Server {
    /// Its name or address.
    pub(super) host: String,
    /// Its port.
    pub(super) port: u16,
    /// How connections are encrypted.
    pub(super) encryption: Encryption,
    /// Name and password, if it wants any.
    pub(super) credentials: Option<Credentials>,
}

impl Server {
    /// Reads `smtp://user:password@host:port?tls=required`, parts of which may be missing.
    ///
    /// What is not understood is an error, so that a slip of the pen does not switch encryption off.
    pub(super) fn parse(url: &str) -> Result<Self, SettingsError> {
        let bad = SettingsError::BadUrl;
        let (scheme, rest) = url.trim().split_once("://").ok_or(bad("it has no scheme"))?;
        let wrapped = match &*scheme.to_ascii_lowercase() {
            "smtps" => true,
            "smtp" => false,
            _ => return Err(bad("its scheme is neither `smtp` nor `smtps`")),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains('/') {
            return Err(bad("it has a path, or a `/` in the password that should be `%2F`"));
        }
        let (user, location) = match authority.rsplit_once('@') {
            Some((user, location)) => (Some(user), location),
            None => (None, authority),
        };
        let (host, port) = host_and_port(location)?;
        let is_loopback =
            host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let encryption = match (wrapped, query) {
            (true, "") => Encryption::Wrapped,
            (true, _) => return Err(bad("`smtps` takes no `tls`")),
            (false, "") if is_loopback => Encryption::None,
            (false, "" | "tls=opportunistic") => Encryption::Opportunistic,
            (false, "tls=required") => Encryption::Required,
            (false, "tls=none") => Encryption::None,
            (false, _) => {
                return Err(bad("it may end in `tls=` with `required`, `opportunistic` or `none` only"));
            }
        };
        let default_port = match encryption {
            Encryption::Wrapped => 465,
            _ if is_loopback => 25,
            Encryption::Required | Encryption::Opportunistic | Encryption::None => 587,
        };
        Ok(Self {
            host: host.to_owned(),
            port: port.unwrap_or(default_port),
            encryption,
            credentials: user.map(credentials).transpose()?,
        })
    }
}

/// Takes a host and a port apart; an address of IPv6 stands in brackets.
fn host_and_port(location: &str) -> Result<(&str, Option<u16>), SettingsError> {
    let bad = SettingsError::BadUrl;
    let (host, port) = match location.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or(bad("it has a `[` without a `]`"))?;
            (host, rest.strip_prefix(':'))
        }
        None => match location.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (location, None),
        },
    };
    if host.is_empty() {
        return Err(bad("it has no host"));
    }
    let port = port.map(str::parse).transpose().map_err(|_| bad("its port is no number"))?;
    Ok((host, port))
}

/// Reads a name and a password.
fn credentials(user: &str) -> Result<Credentials, SettingsError> {
    let bad = SettingsError::BadUrl;
    let decoded = |text: &str| match percent_decode_str(text).decode_utf8() {
        Ok(text) if !text.is_empty() => Ok(text.into_owned()),
        _ => Err(bad("its user or its password is empty or no text")),
    };
    let (name, password) = user.split_once(':').ok_or(bad("it has a user without a password"))?;
    Ok(Credentials::new(decoded(name)?, decoded(password)?))
}

/// Where it is, without name and password.
impl fmt::Display for Server {
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
    fn address_of_a_server_is_read() {
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
            assert_eq!(Server::parse(url).map(|server| server.to_string()).as_deref(), Ok(expected), "{url}");
        }
    }

    #[test]
    fn user_and_password_are_decoded() {
        let of = |url| Server::parse(url).unwrap().credentials;
        let expected =
            |name: &str, password: &str| Some(Credentials::new(name.to_owned(), password.to_owned()));

        assert_eq!(of("smtp://mail.example.com"), None);
        assert_eq!(of("smtps://ada%40example.com:p%2Fw%3A1@h"), expected("ada@example.com", "p/w:1"));
        assert_eq!(of("smtps://ada@example.com:p@ss:w@h"), expected("ada@example.com", "p@ss:w"));
    }

    #[test]
    fn what_is_not_understood_is_refused_without_telling_the_password() {
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
            let error = Server::parse(url).err().unwrap_or_else(|| panic!("`{url}` was read"));
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
