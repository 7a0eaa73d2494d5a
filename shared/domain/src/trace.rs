//! W3C trace context: one trace id from the webhook to the mail.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A `traceparent`: version, trace id, span id, flags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Trace(String);

impl Trace {
    /// Starts a trace from random bits.
    pub fn begin(random: u128) -> Self {
        let span = u64::try_from(random >> 64).unwrap_or(0) | 1;
        Self(format!("00-{:032x}-{span:016x}-01", random | 1))
    }

    /// Parses a `traceparent` header; `None` if it is malformed.
    pub fn parse(header: &str) -> Option<Self> {
        let hex = |text: &str, length: usize| {
            text.len() == length
                && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
                && text.bytes().any(|byte| byte != b'0')
        };
        let parts: Vec<&str> = header.trim().split('-').collect();
        let ["00", trace, span, flags] = parts[..] else { return None };
        (hex(trace, 32) && hex(span, 16) && flags.len() == 2).then(|| Self(header.trim().to_owned()))
    }

    /// The trace id: 32 hexadecimal digits.
    pub fn id(&self) -> &str {
        self.0.get(3..35).unwrap_or(&self.0)
    }

    /// The span id: 16 hexadecimal digits.
    pub fn span(&self) -> &str {
        self.0.get(36..52).unwrap_or_default()
    }

    /// The same trace with a new span, which is the parent of what follows.
    #[must_use]
    pub fn child(&self, span: u64) -> Self {
        let flags = self.0.get(53..55).unwrap_or("01");
        Self(format!("00-{}-{:016x}-{flags}", self.id(), span.max(1)))
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_keeps_its_trace_id() {
        let trace = Trace::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();

        assert_eq!(trace.id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(Trace::begin(42 << 64).id().len(), 32);
        assert!(Trace::parse(&Trace::begin(u128::MAX).to_string()).is_some());
    }

    #[test]
    fn child_is_another_span_of_the_same_trace() {
        let trace = Trace::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00").unwrap();

        let child = trace.child(0xab);

        assert_eq!(trace.span(), "00f067aa0ba902b7");
        assert_eq!(child.to_string(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00000000000000ab-00");
        assert!(Trace::parse(&trace.child(0).to_string()).is_some(), "a span of zeros is none");
    }

    #[test]
    fn malformed_header_is_as_if_absent() {
        for header in ["", "00-0-0-01", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "zz"] {
            assert_eq!(Trace::parse(header), None, "{header}");
        }
    }
}
