//! A sender for tests, which signs and delivers bodies.

use domain::alert::{AlertEvent, AlertStatus};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use serde_json::Value;
use sources::{Delivery, Parsed, VerifyError};

/// The time of all deliveries.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_795_435_200, 0);

/// The sender of a kind of source, whose secret is `secret`.
pub(crate) struct Sender(pub(crate) &'static str);

impl Sender {
    /// Signs and parses a body, with additional headers.
    pub(crate) fn parse_with(&self, body: &[u8], others: &[(&'static str, &'static str)]) -> Parsed {
        let source = sources::get(self.0).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in others {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        source.sign(&mut headers, body, &"secret".into(), NOW);
        let delivery = Delivery { headers: &headers, path: "", query: None, body, now: NOW };
        source.parse(source.verify(&delivery, &"secret".into(), None).unwrap()).unwrap()
    }

    /// Signs and parses a body.
    pub(crate) fn parse(&self, body: &Value) -> Parsed {
        self.parse_with(body.to_string().as_bytes(), &[])
    }

    /// Parses a body that has exactly one event.
    pub(crate) fn event(&self, body: &Value) -> AlertEvent {
        let mut parsed = self.parse(body);
        assert_eq!((parsed.events.len(), &parsed.unreadable), (1, &None), "{body}");
        parsed.events.remove(0)
    }

    /// The status of the event in a body, if it has one.
    pub(crate) fn status(&self, body: &Value) -> Option<AlertStatus> {
        let parsed = self.parse(body);
        assert_eq!(parsed.unreadable, None, "{body}");
        parsed.events.first().map(|event| event.status)
    }

    /// The result of verifying a delivery with these headers.
    pub(crate) fn outcome(
        &self,
        headers: &[(&str, &str)],
        query: Option<&str>,
        body: &[u8],
    ) -> Result<(), VerifyError> {
        let pairs = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let headers: HeaderMap =
            pairs.map(|(name, value): (HeaderName, HeaderValue)| (name, value)).collect();
        let delivery = Delivery { headers: &headers, path: "", query, body, now: NOW };
        sources::get(self.0).unwrap().verify(&delivery, &"secret".into(), None).map(|_| ())
    }
}
