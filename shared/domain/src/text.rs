//! Bounded texts: nothing that a sender writes grows without limit.

/// Cuts a text to at most `bytes`, never inside a character.
pub fn clip(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Cuts a text to at most `bytes` and marks that it was cut.
pub fn shorten(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    format!("{}…", clip(text, bytes.saturating_sub('…'.len_utf8())))
}

/// Treats an empty text as absent: some senders write `""` for a missing value.
pub fn present(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// The first `letters / 2` bytes of a SHA-256, as lower-case hexadecimal.
pub fn fingerprint(bytes: &[u8], letters: usize) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(bytes);
    hex::encode(&digest[..letters / 2])
}

/// A request body, stored as text so that its nesting does not count against the database's limit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document(pub serde_json::Value);

impl serde::Serialize for Document {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Document {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        serde_json::from_str(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// The host and port of an absolute `http` or `https` URL, without credentials. `None` if a browser should not follow it.
///
/// Senders write URLs that strict parsers reject, for example with unencoded brackets. Browsers accept them, so they are
/// accepted here.
pub fn web_host(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    if !web || url.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    authority.rsplit('@').next().filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_never_splits_a_character() {
        assert_eq!(clip("aé🔥", 2), "a");
        assert_eq!(clip("aé🔥", 3), "aé");
        assert_eq!(shorten("🔥🔥🔥", 8), "🔥…");
        assert_eq!(shorten("short", 8), "short");
    }

    #[test]
    fn only_http_addresses_become_links() {
        for (url, expected) in [
            ("https://grafana.example.com/d/1?x=<a>", Some("grafana.example.com")),
            ("HTTP://10.0.0.1:9090/graph", Some("10.0.0.1:9090")),
            ("https://example.com@evil.example/", Some("evil.example")),
            ("javascript:alert(1)//https://example.com", None),
            ("javascript://example.com/%0aalert(1)", None),
            ("data:text/html,<script>", None),
            ("https://", None),
            ("https:\\\\example.com", None),
            (" https://example.com", None),
            ("java\nscript://x", None),
            ("//example.com", None),
            ("/metrics", None),
        ] {
            assert_eq!(web_host(url), expected, "{url}");
        }
    }
}
