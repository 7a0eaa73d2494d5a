//! Parses and checks a URL before its host name is resolved.

use std::net::IpAddr;

use http::Uri;
use http::uri::Scheme;

use crate::{InvalidUrl, Reach};

/// The longest URL that users can enter, in bytes.
const MAX_URL_BYTES: usize = 2048;

/// A URL that passed the checks.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// The host name or IP address; an IPv6 address without brackets.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
    /// Whether the connection uses TLS. Connections without TLS are allowed only to this machine.
    pub(crate) encrypted: bool,
    /// The value of the `Host` header.
    pub(crate) authority: String,
    /// The path and the query.
    pub(crate) path: String,
}

impl Target {
    /// Parses a URL: `https` with a host that is not a private address, or `http` to this machine if `reach` allows it.
    ///
    /// # Errors
    /// [`InvalidUrl`] if the URL is malformed or not allowed.
    pub fn parse(url: &str, reach: Reach) -> Result<Self, InvalidUrl> {
        if url.len() > MAX_URL_BYTES && reach != Reach::Anywhere {
            return Err(InvalidUrl::Malformed);
        }
        let uri: Uri = url.parse().map_err(|_| InvalidUrl::Malformed)?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(InvalidUrl::Malformed);
        };
        if authority.as_str().contains('@') {
            return Err(InvalidUrl::Credentials);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if host.is_empty() {
            return Err(InvalidUrl::Malformed);
        }
        let (encrypted, default_port) = if *scheme == Scheme::HTTPS {
            (true, 443)
        } else if *scheme == Scheme::HTTP && allows_plain_http(reach, &host) {
            (false, 80)
        } else if *scheme == Scheme::HTTP {
            return Err(InvalidUrl::Unencrypted);
        } else {
            return Err(InvalidUrl::Malformed);
        };
        let private = match host.parse::<IpAddr>() {
            Ok(address) => !reach.allows(address),
            Err(_) => is_this_machine(&host) && reach == Reach::Public,
        };
        if private {
            return Err(InvalidUrl::Private);
        }
        let port = match authority.as_str()[authority.host().len()..].strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or(InvalidUrl::Malformed)?,
            None => default_port,
        };
        let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { host, port, encrypted, authority: authority.as_str().to_owned(), path })
    }
}

/// Whether a URL uses HTTPS, or plain HTTP to this machine. For URLs that the operator configured: a host name in a
/// private network is allowed.
pub fn is_encrypted_or_local(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let Some(authority) = uri.authority().filter(|authority| !authority.as_str().contains('@')) else {
        return false;
    };
    match uri.scheme_str() {
        Some("https") => true,
        Some("http") => is_this_machine(authority.host().trim_matches(['[', ']'])),
        Some(_) | None => false,
    }
}

/// Whether plain HTTP to a host is allowed.
fn allows_plain_http(reach: Reach, host: &str) -> bool {
    match reach {
        Reach::Public => false,
        Reach::AndLoopback => is_this_machine(host),
        Reach::Anywhere => true,
    }
}

/// Whether a host name always means this machine.
fn is_this_machine(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Shows no part of the URL, because a URL may hold a secret.
impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("encrypted", &self.encrypted).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str, reach: Reach) -> Result<(String, u16, String), InvalidUrl> {
        Target::parse(url, reach).map(|target| (target.host, target.port, target.path))
    }

    #[test]
    fn url_is_https_public_and_without_credentials() {
        let cases = [
            ("https://example.com/hook", Ok(("example.com", 443, "/hook"))),
            ("HTTPS://Example.COM:8443/a?b=c#d", Ok(("example.com", 8443, "/a?b=c"))),
            ("https://example.com", Ok(("example.com", 443, "/"))),
            ("https://example.com?a=b", Ok(("example.com", 443, "/?a=b"))),
            ("https://8.8.8.8/", Ok(("8.8.8.8", 443, "/"))),
            ("https://[2606:4700::1111]:444/", Ok(("2606:4700::1111", 444, "/"))),
            ("http://example.com/", Err(InvalidUrl::Unencrypted)),
            ("http://127.0.0.1:8080/", Err(InvalidUrl::Unencrypted)),
            ("https://user:secret@example.com/", Err(InvalidUrl::Credentials)),
            ("https://example.com@10.0.0.1/", Err(InvalidUrl::Credentials)),
            ("https://127.0.0.1/", Err(InvalidUrl::Private)),
            ("https://localhost/", Err(InvalidUrl::Private)),
            ("https://LOCALHOST./", Err(InvalidUrl::Private)),
            ("https://a.localhost/", Err(InvalidUrl::Private)),
            ("https://[::1]/", Err(InvalidUrl::Private)),
            ("https://[::ffff:10.0.0.1]/", Err(InvalidUrl::Private)),
            ("https://169.254.169.254/latest/meta-data/", Err(InvalidUrl::Private)),
            ("ftp://example.com/", Err(InvalidUrl::Malformed)),
            ("javascript:alert(1)", Err(InvalidUrl::Malformed)),
            ("//example.com/", Err(InvalidUrl::Malformed)),
            ("/hook", Err(InvalidUrl::Malformed)),
            ("https://", Err(InvalidUrl::Malformed)),
            ("https:///hook", Err(InvalidUrl::Malformed)),
            ("https://example.com:0/", Err(InvalidUrl::Malformed)),
            ("https://example.com:99999/", Err(InvalidUrl::Malformed)),
            ("https://example.com:/", Err(InvalidUrl::Malformed)),
            ("https://exa mple.com/", Err(InvalidUrl::Malformed)),
            ("https://example.com/\r\nHost: x", Err(InvalidUrl::Malformed)),
            ("https://example.com/\0", Err(InvalidUrl::Malformed)),
            ("", Err(InvalidUrl::Malformed)),
        ];
        for (url, expected) in cases {
            let expected = expected.map(|(host, port, path)| (host.to_owned(), port, path.to_owned()));
            assert_eq!(parsed(url, Reach::Public), expected, "{url}");
        }
        assert_eq!(
            parsed(&format!("https://example.com/{}", "x".repeat(3000)), Reach::Public),
            Err(InvalidUrl::Malformed)
        );
    }

    #[test]
    fn plain_http_is_allowed_only_to_this_machine_and_only_if_enabled() {
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
    fn debug_output_does_not_show_the_url() {
        let target = Target::parse("https://example.com/secret-path", Reach::Public).unwrap();

        assert!(!format!("{target:?}").contains("example.com") && !format!("{target:?}").contains("secret"));
    }
}
