//! Sends notifications as webhooks, signed according to the Standard Webhooks specification.
//!
//! Every attempt of a notification has the same `webhook-id`, so that the receiver can ignore repeats.

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

use super::{Channel, Receipt, Rejection, SendError};
use crate::OutgoingNotification;

/// The time limit of a send: half of the lease of a claim.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The prefix of a signing secret.
const SECRET_PREFIX: &str = "whsec_";

/// The headers of a webhook: its id, its time and its signature.
const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// The channel for webhooks.
pub struct Webhook {
    /// The HTTP client.
    client: Client,
    /// The time limit of a send.
    timeout: Duration,
}

impl Webhook {
    /// Creates the channel; `reach` says which network addresses a webhook may go to.
    pub fn new(reach: Reach) -> Self {
        Self { client: Client::new(reach), timeout: TIMEOUT }
    }

    /// Sets the time limit of a send.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sends one notification.
    async fn deliver(&self, notification: &OutgoingNotification) -> Result<Receipt, SendError> {
        let secret = notification.secret.as_ref().ok_or_else(|| permanent("the webhook has no secret"))?;
        let body = body(notification);
        let id = id(notification);
        let timestamp = notification.when.as_second();
        let signature = signature(secret, &id, timestamp, body.as_bytes())
            .ok_or_else(|| permanent("the secret of the webhook is invalid"))?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in [(ID, id), (TIMESTAMP, timestamp.to_string()), (SIGNATURE, signature)] {
            let value = HeaderValue::from_str(&value)
                .map_err(|_| permanent("the notification id is not a valid header value"))?;
            headers.insert(name, value);
        }
        let response =
            self.client.post(notification.address.trim(), headers, Bytes::from(body), self.timeout).await;
        match response {
            Ok(response) => result_of(&response, &notification.address),
            Err(invalid @ EgressError::InvalidUrl(_)) => Err(SendError::Permanent {
                reason: "the URL of the webhook is not allowed".to_owned(),
                source: Some(invalid.into()),
            }),
            Err(error) => Err(SendError::Transient {
                reason: "the webhook got no response".to_owned(),
                source: Some(error.into()),
            }),
        }
    }
}

impl Channel for Webhook {
    fn method_type(&self) -> MethodType {
        MethodType::Webhook
    }

    fn send<'a>(
        &'a self,
        notification: &'a OutgoingNotification,
    ) -> BoxFuture<'a, Result<Receipt, SendError>> {
        self.deliver(notification).boxed()
    }
}

/// Turns a response into a receipt or an error.
///
/// A client error is permanent, except for timeouts and rate limits. A redirect is not followed; it counts as
/// transient because it may be gone next time.
fn result_of(response: &egress::Response, address: &str) -> Result<Receipt, SendError> {
    let status = response.status;
    if status.is_success() {
        return Ok(Receipt::new(status.as_str()));
    }
    let text = String::from_utf8_lossy(&response.body);
    let source = Some(Rejection::new(status.as_u16(), &text, address).into());
    let reason = "the webhook was rejected".to_owned();
    let retryable =
        matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS);
    if status.is_client_error() && !retryable {
        return Err(SendError::Permanent { reason, source });
    }
    let after = response.headers.get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.trim().parse().ok());
    Err(match after {
        Some(after) => SendError::Busy { reason, after, source },
        None => SendError::Transient { reason, source },
    })
}

/// A permanent error.
fn permanent(reason: &str) -> SendError {
    SendError::Permanent { reason: reason.to_owned(), source: None }
}

/// The webhook id of a notification, the same in every attempt. It contains no full stop, because full stops separate
/// the parts of the signed text.
fn id(notification: &OutgoingNotification) -> String {
    format!("page_{}", notification.idempotency_key.replace('.', "_"))
}

/// The body of the webhook.
fn body(notification: &OutgoingNotification) -> String {
    json!({
        "type": "escalation.page",
        "timestamp": notification.when,
        "data": {
            "id": notification.idempotency_key,
            "escalation_id": notification.escalation,
            "title": notification.title,
            "urgency": notification.urgency.name(),
            "source_url": notification.source_url,
            "acknowledge_url": notification.acknowledge_url,
        },
    })
    .to_string()
}

/// Signs a webhook; `None` if the secret is malformed.
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
    fn signature_matches_the_published_example() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

        let signed =
            signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);

        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn malformed_secret_signs_nothing() {
        for secret in ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!"] {
            assert_eq!(signature(&SecretString::from(secret), "a", 1, b"{}"), None, "{secret}");
        }
    }
}
