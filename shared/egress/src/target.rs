//! What an address must look like before anything is resolved.

use std::net::IpAddr;

use http::Uri;
use http::uri::Scheme;

use crate::{Reach, Refused};

/// How long an address may be.
const MOST_BYTES: usize = 2048;

/// An address that may be one.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// The host, without brackets.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
    /// Whether the connection is encrypted; if it is not, it stays on this machine.
    pub(crate) encrypted: bool,
    /// What the request names as its host.
    pub(crate) authority: String,
    /// The path and the query.
    pub(crate) path: String,
}

impl Target {
    /// Reads an address: `https` with a host that is not plainly private, or `http` to this machine where it may be
    /// reached.
    ///
    /// # Errors
    /// [`Refused`] if it can be none.
    pub fn parse(url: &str, reach: Reach) -> Result<Self, Refused> {
        if url.len() > MOST_BYTES {
            return Err(Refused::Malformed);
        }
        let uri: Uri = url.parse().map_err(|_| Refused::Malformed)?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(Refused::Malformed);
        };
        if authority.as_str().contains('@') {
            return Err(Refused::Credentials);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if host.is_empty() {
            return Err(Refused::Malformed);
        }
        let (encrypted, usual) = if *scheme == Scheme::HTTPS {
            (true, 443)
        } else if *scheme == Scheme::HTTP && may_be_open(reach, &host) {
            (false, 80)
        } else if *scheme == Scheme::HTTP {
            return Err(Refused::Unencrypted);
        } else {
            return Err(Refused::Malformed);
        };
        let private = match host.parse::<IpAddr>() {
            Ok(address) => !reach.allows(address),
            Err(_) => is_this_machine(&host) && reach == Reach::Public,
        };
        if private {
            return Err(Refused::Private);
        }
        let port = match authority.as_str()[authority.host().len()..].strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or(Refused::Malformed)?,
            None => usual,
        };
        let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { host, port, encrypted, authority: authority.as_str().to_owned(), path })
    }
}

/// Whether a connection may go unencrypted.
fn may_be_open(reach: Reach, host: &str) -> bool {
    match reach {
        Reach::Public => false,
        Reach::AndLoopback => is_this_machine(host),
        Reach::Anywhere => true,
    }
}

/// Whether a host is this machine by its very name.
fn is_this_machine(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// An address may hold a secret.
impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("encrypted", &self.encrypted).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str, reach: Reach) -> Result<(String, u16, String), Refused> {
        Target::parse(url, reach).map(|target| (target.host, target.port, target.path))
    }

    #[test]
    fn address_is_encrypted_public_and_without_credentials() {
        let cases = [
            ("https://example.com/hook", Ok(("example.com", 443, "/hook"))),
            ("HTTPS://Example.COM:8443/a?b=c#d", Ok(("example.com", 8443, "/a?b=c"))),
            ("https://example.com", Ok(("example.com", 443, "/"))),
            ("https://example.com?a=b", Ok(("example.com", 443, "/?a=b"))),
            ("https://8.8.8.8/", Ok(("8.8.8.8", 443, "/"))),
            ("https://[2606:4700::1111]:444/", Ok(("2606:4700::1111", 444, "/"))),
            ("http://example.com/", Err(Refused::Unencrypted)),
            ("http://127.0.0.1:8080/", Err(Refused::Unencrypted)),
            ("https://user:secret@example.com/", Err(Refused::Credentials)),
            ("https://example.com@10.0.0.1/", Err(Refused::Credentials)),
            ("https://127.0.0.1/", Err(Refused::Private)),
            ("https://localhost/", Err(Refused::Private)),
            ("https://LOCALHOST./", Err(Refused::Private)),
            ("https://a.localhost/", Err(Refused::Private)),
            ("https://[::1]/", Err(Refused::Private)),
            ("https://[::ffff:10.0.0.1]/", Err(Refused::Private)),
            ("https://169.254.169.254/latest/meta-data/", Err(Refused::Private)),
            ("ftp://example.com/", Err(Refused::Malformed)),
            ("javascript:alert(1)", Err(Refused::Malformed)),
            ("//example.com/", Err(Refused::Malformed)),
            ("/hook", Err(Refused::Malformed)),
            ("https://", Err(Refused::Malformed)),
            ("https:///hook", Err(Refused::Malformed)),
            ("https://example.com:0/", Err(Refused::Malformed)),
            ("https://example.com:99999/", Err(Refused::Malformed)),
            ("https://example.com:/", Err(Refused::Malformed)),
            ("https://exa mple.com/", Err(Refused::Malformed)),
            ("https://example.com/\r\nHost: x", Err(Refused::Malformed)),
            ("https://example.com/\0", Err(Refused::Malformed)),
            ("", Err(Refused::Malformed)),
        ];
        for (url, expected) in cases {
            let expected = expected.map(|(host, port, path)| (host.to_owned(), port, path.to_owned()));
            assert_eq!(parsed(url, Reach::Public), expected, "{url}");
        }
        assert_eq!(
            parsed(&format!("https://example.com/{}", "x".repeat(3000)), Reach::Public),
            Err(Refused::Malformed)
        );
    }

    #[test]
    fn unencrypted_is_for_this_machine_alone_and_where_it_is_allowed() {
        let cases = [
            ("http://127.0.0.1:8080/hook", true),
            ("http://localhost:8080/hook", true),
            ("http://[::1]:8080/hook", true),
            ("https://localhost/hook", true),
            ("http://example.com/", false),
            ("http://10.0.0.1/", false),
            ("https://10.0.0.1/", false),
            ("http://127.0.0.1.example.com/", false),
        ];
        for (url, taken) in cases {
            assert_eq!(Target::parse(url, Reach::AndLoopback).is_ok(), taken, "{url}");
        }
    }

    #[test]
    fn address_is_not_shown() {
        let target = Target::parse("https://example.com/secret-path", Reach::Public).unwrap();

        assert!(!format!("{target:?}").contains("example.com") && !format!("{target:?}").contains("secret"));
    }
}
