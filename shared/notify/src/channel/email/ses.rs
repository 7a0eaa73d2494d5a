//! Amazon's SES: the same mail, handed over by one signed request.
//!
//! The request is small enough to be made here: the client of AWS for it is larger than the rest of this function.

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

use crate::channel::{Answer, BoxError, Receipt, SendError};

/// Where SES is, and who asks.
#[derive(Debug, Clone)]
pub struct SesSettings {
    /// The region.
    pub region: String,
    /// Where it is asked, if not where it always is.
    pub endpoint: Option<String>,
    /// The id of the access key.
    pub access_key_id: String,
    /// The access key.
    pub secret_access_key: SecretString,
    /// The session that they belong to.
    pub session_token: Option<SecretString>,
}

/// SES.
pub(super) struct Ses {
    /// Where mails are posted to.
    url: String,
    /// Signs what is asked.
    signer: Signer,
    /// Sends requests.
    client: Client,
}

impl Ses {
    /// SES in a region.
    pub(super) fn new(settings: SesSettings) -> Self {
        let SesSettings { region, endpoint, access_key_id, secret_access_key, session_token } = settings;
        let china = if region.starts_with("cn-") { ".cn" } else { "" };
        let endpoint = endpoint.unwrap_or_else(|| format!("https://email.{region}.amazonaws.com{china}"));
        let session = session_token.as_ref().map(|token| token.expose_secret());
        Self {
            signer: Signer::new("ses", &region, (&access_key_id, secret_access_key.expose_secret(), session)),
            url: format!("{}/v2/email/outbound-emails", endpoint.trim_end_matches('/')),
            // In a network of one's own it has a private address, and nobody else chooses where it is.
            client: Client::new(Reach::Anywhere),
        }
    }

    /// Where mails go.
    pub(super) fn destination(&self) -> String {
        format!("SES in {}", self.signer.region())
    }

    /// Hands one mail over.
    ///
    /// Nothing that it says is for ever: what it refuses, it refuses for how the account is set up.
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
            .map_err(|error| transient("the request to SES could not be signed", error))?;
        let answer = self
            .client
            .post(&self.url, headers, Bytes::from(body), within)
            .await
            .map_err(|error| transient("SES did not answer", error.into()))?;
        if answer.status.is_success() {
            let said: Option<Value> = serde_json::from_slice(&answer.body).ok();
            let id = said.as_ref().and_then(|said| said["MessageId"].as_str()).unwrap_or("taken");
            return Ok(Receipt::new(id));
        }
        let said = Answer::new(answer.status.as_u16(), &words(&answer), to.as_ref());
        let after =
            answer.headers.get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.trim().parse().ok());
        let (reason, source) = ("SES refused the mail".to_owned(), Some(said.into()));
        Err(match after {
            Some(after) => SendError::Busy { reason, after, source },
            None => SendError::Transient { reason, source },
        })
    }
}

/// What SES says is wrong: its kind of error, and its words.
fn words(answer: &egress::Answer) -> String {
    let kind = answer.headers.get("x-amzn-errortype").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split([':', '#']).next().unwrap_or_default();
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = said["message"].as_str().or_else(|| said["Message"].as_str()).unwrap_or_default();
    format!("{kind} {text}").trim().to_owned()
}
