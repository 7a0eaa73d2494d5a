//! A request to a program's own address, signed as Standard Webhooks has it.
//!
//! Every attempt of a page has the same `webhook-id`: a program that remembers the ids which it took is told each page
//! once.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::user::MethodType;
use egress::{Client, EgressError, Reach};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{Answer, Channel, Receipt, SendError};
use crate::Outgoing;

/// How long a send may take in all: half of the lease of a claim.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What a secret begins with.
const SECRET_PREFIX: &str = "whsec_";

/// The headers of a delivery: which it is, when it was sent, and who sent it.
const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Sends webhooks.
pub struct Webhook {
    /// Sends requests.
    client: Client,
    /// How long a send may take in all.
    timeout: Duration,
}

impl Webhook {
    /// Sends as far as addresses may reach.
    pub fn new(reach: Reach) -> Self {
        Self { client: Client::new(reach), timeout: TIMEOUT }
    }

    /// Gives up after this long in all.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sends one page.
    async fn deliver(&self, outgoing: &Outgoing) -> Result<Receipt, SendError> {
        let secret = outgoing.secret.as_ref().ok_or_else(|| permanent("the webhook has no secret"))?;
        let body = body(outgoing);
        let id = id(outgoing);
        let timestamp = outgoing.when.as_second();
        let signature = signature(secret, &id, timestamp, body.as_bytes())
            .ok_or_else(|| permanent("the webhook's secret is none"))?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in [(ID, id), (TIMESTAMP, timestamp.to_string()), (SIGNATURE, signature)] {
            let value =
                HeaderValue::from_str(&value).map_err(|_| permanent("the page's id cannot be sent"))?;
            headers.insert(name, value);
        }
        let answered =
            self.client.post(outgoing.address.trim(), headers, Bytes::from(body), self.timeout).await;
        match answered {
            Ok(answer) => judged(&answer, &outgoing.address),
            Err(refused @ EgressError::Refused(_)) => Err(SendError::Permanent {
                reason: "the webhook has no address that it could have".to_owned(),
                source: Some(refused.into()),
            }),
            Err(error) => Err(SendError::Transient {
                reason: "the webhook was not answered".to_owned(),
                source: Some(error.into()),
            }),
        }
    }
}

impl Channel for Webhook {
    fn method_type(&self) -> MethodType {
        MethodType::Webhook
    }

    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Result<Receipt, SendError>> {
        self.deliver(outgoing).boxed()
    }
}

/// What an answer means.
///
/// What the program says of the request itself is for ever; a redirect is not followed, and it may be gone next time.
fn judged(answer: &egress::Answer, address: &str) -> Result<Receipt, SendError> {
    let status = answer.status;
    if status.is_success() {
        return Ok(Receipt::new(status.as_str()));
    }
    let words = String::from_utf8_lossy(&answer.body);
    let source = Some(Answer::new(status.as_u16(), &words, address).into());
    let reason = "the webhook was refused".to_owned();
    let later =
        matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS);
    if status.is_client_error() && !later {
        return Err(SendError::Permanent { reason, source });
    }
    let after = answer.headers.get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.trim().parse().ok());
    Err(match after {
        Some(after) => SendError::Busy { reason, after, source },
        None => SendError::Transient { reason, source },
    })
}

/// It cannot be sent, whenever it is tried.
fn permanent(reason: &str) -> SendError {
    SendError::Permanent { reason: reason.to_owned(), source: None }
}

/// The id of a page, the same for every attempt. What is signed is separated by full stops, so that it has none.
fn id(outgoing: &Outgoing) -> String {
    format!("page_{}", outgoing.idempotency_key.replace('.', "_"))
}

/// What a program is told.
fn body(outgoing: &Outgoing) -> String {
    json!({
        "type": "escalation.page",
        "timestamp": outgoing.when,
        "data": {
            "id": outgoing.idempotency_key,
            "escalation_id": outgoing.escalation,
            "title": outgoing.title,
            "urgency": outgoing.urgency.name(),
            "source_url": outgoing.source_url,
            "acknowledge_url": outgoing.acknowledge_url,
        },
    })
    .to_string()
}

/// Signs a delivery; none if the secret is none.
fn signature(secret: &SecretString, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
    let secret = secret.expose_secret();
    let key = STANDARD.decode(secret.strip_prefix(SECRET_PREFIX)?).ok().filter(|key| !key.is_empty())?;
    let mut signing = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key));
    signing.update(format!("{id}.{timestamp}.").as_bytes());
    signing.update(body);
    Some(format!("v1,{}", STANDARD.encode(signing.sign())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_is_the_published_one() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

        let signed =
            signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);

        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn what_is_no_secret_signs_nothing() {
        for secret in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!"] {
            assert_eq!(signature(&SecretString::from(secret), "a", 1, b"{}"), None, "{secret}");
        }
    }
}
