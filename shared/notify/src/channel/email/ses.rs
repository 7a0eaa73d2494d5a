//! Sends emails through Amazon SES with one signed request.
//!
//! The request is built here because the SDK client of SES is larger than the rest of the function.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::Timestamp;
use egress::{Client, Reach, Signer};
use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use lettre::Address;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::channel::{BoxError, Receipt, Rejection, SendError};

/// The region, endpoint and credentials for SES.
#[derive(Debug, Clone)]
pub struct SesSettings {
    /// The AWS region.
    pub region: String,
    /// The endpoint, if it is not the default of the region.
    pub endpoint: Option<String>,
    /// The id of the access key.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: SecretString,
    /// The session token of temporary credentials.
    pub session_token: Option<SecretString>,
}

/// A client of SES.
pub(super) struct SesClient {
    /// The URL of the send operation.
    url: String,
    /// Signs the requests.
    signer: Signer,
    /// The HTTP client.
    client: Client,
}

impl SesClient {
    /// Creates a client.
    pub(super) fn new(settings: SesSettings) -> Self {
        let SesSettings { region, endpoint, access_key_id, secret_access_key, session_token } = settings;
        let china = if region.starts_with("cn-") { ".cn" } else { "" };
        let endpoint = endpoint.unwrap_or_else(|| format!("https://email.{region}.amazonaws.com{china}"));
        let session = session_token.as_ref().map(|token| token.expose_secret());
        Self {
            signer: Signer::new("ses", &region, (&access_key_id, secret_access_key.expose_secret(), session)),
            url: format!("{}/v2/email/outbound-emails", endpoint.trim_end_matches('/')),
            // The operator chooses the endpoint, and inside a VPC it has a private address.
            client: Client::new(Reach::Anywhere),
        }
    }

    /// Describes where emails go.
    pub(super) fn destination(&self) -> String {
        format!("SES in {}", self.signer.region())
    }

    /// Sends one email.
    ///
    /// Every rejection is transient, because SES rejects emails for reasons of the account's setup.
    pub(super) async fn send(
        &self,
        (from, to): (&Address, &Address),
        mail: &[u8],
        at: Timestamp,
        within: Duration,
    ) -> Result<Receipt, SendError> {
        let body = json!({
            "FromEmailAddress": from.to_string(),
            "Destination": { "ToAddresses": [to.to_string()] },
            "Content": { "Raw": { "Data": STANDARD.encode(mail) } },
        })
        .to_string();
        let transient = |reason: &str, source: BoxError| SendError::Transient {
            reason: reason.to_owned(),
            source: Some(source),
        };
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let since = Duration::try_from(at.duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default();
        let headers = self
            .signer
            .signed((&Method::POST, &self.url), headers, body.as_bytes(), since)
            .map_err(|error| transient("cannot sign the request to SES", error))?;
        let response = self
            .client
            .post(&self.url, headers, Bytes::from(body), within)
            .await
            .map_err(|error| transient("SES did not respond", error.into()))?;
        if response.status.is_success() {
            let reply: Option<Value> = serde_json::from_slice(&response.body).ok();
            let id = reply.as_ref().and_then(|reply| reply["MessageId"].as_str()).unwrap_or("accepted");
            return Ok(Receipt::new(id));
        }
        let rejection = Rejection::new(response.status.as_u16(), &error_text(&response), to.as_ref());
        let after =
            response.headers.get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.trim().parse().ok());
        let (reason, source) = ("SES rejected the email".to_owned(), Some(rejection.into()));
        Err(match after {
            Some(after) => SendError::Busy { reason, after, source },
            None => SendError::Transient { reason, source },
        })
    }
}

/// The type and message of an error response.
fn error_text(response: &egress::Response) -> String {
    let kind =
        response.headers.get("x-amzn-errortype").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split([':', '#']).next().unwrap_or_default();
    let error: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let text = error["message"].as_str().or_else(|| error["Message"].as_str()).unwrap_or_default();
    format!("{kind} {text}").trim().to_owned()
}
