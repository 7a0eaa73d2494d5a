//! The S3 bucket in which SES stores received email.
//!
//! An email is fetched with one signed request, because the S3 client is larger than the rest of the function.

use std::sync::Arc;
use std::time::Duration;

use app::Clock;
use bytes::Bytes;
use domain::Timestamp;
use egress::{BodyEnd, Client, Signer};
use futures_util::future::BoxFuture;
use http::header::{HeaderMap, HeaderValue, RANGE};
use http::{Method, StatusCode};
use machine::BoxError;
use mail::{MOST_BYTES, Mailbox, MailboxError};
use secrecy::ExposeSecret;

use crate::Config;
use crate::config::{Bucket, Credentials};

/// The timeout of fetching an email.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The bucket of received email.
struct S3 {
    /// The URL of the bucket, without a slash at the end.
    base: String,
    signer: Signer,
    clock: Clock,
    client: Client,
}

/// The mailbox of a configuration; `None` if no bucket is set.
pub(crate) fn mailbox(config: &Config, clock: &Clock) -> Option<Arc<dyn Mailbox>> {
    let Bucket { name, endpoint, credentials } = config.mail_bucket.as_ref()?;
    let Credentials { region, access_key_id, secret_access_key, session_token } = credentials;
    let session = session_token.as_ref().map(|token| token.expose_secret());
    let china = if region.starts_with("cn-") { ".cn" } else { "" };
    let base = match endpoint {
        Some(endpoint) => format!("{}/{name}", endpoint.trim_end_matches('/')),
        None => format!("https://{name}.s3.{region}.amazonaws.com{china}"),
    };
    Some(Arc::new(S3 {
        base,
        signer: Signer::new("s3", region, (access_key_id, secret_access_key.expose_secret(), session)),
        clock: clock.clone(),
        client: Client::for_configured_urls(MOST_BYTES),
    }))
}

impl S3 {
    async fn get(&self, key: &str) -> Result<Bytes, BoxError> {
        let url = format!("{}/{key}", self.base);
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_str(&format!("bytes=0-{}", MOST_BYTES - 1))?);
        let since = Duration::try_from((self.clock)().duration_since(Timestamp::UNIX_EPOCH))?;
        let headers = self.signer.signed((&Method::GET, &url), headers, b"", since)?;
        let response = self.client.send(Method::GET, &url, headers, Bytes::new(), TIMEOUT).await?;
        let (status, body) = (response.status, response.body);
        if !matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
            let text = domain::text::shorten(&String::from_utf8_lossy(&body), 300);
            return Err(format!("S3 responded {status}: {text}").into());
        }
        match response.end {
            BodyEnd::Complete | BodyEnd::TooLong => Ok(body),
            // A part of an email could lack the text that matters, so the whole email is fetched again.
            BodyEnd::Broken => Err("the response of S3 ended early".into()),
        }
    }
}

impl Mailbox for S3 {
    fn fetch<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Bytes, MailboxError>> {
        Box::pin(async move {
            // The key becomes a part of the URL without any encoding.
            let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
            if key.is_empty() || !key.chars().all(plain) || key.contains("..") {
                return Err(MailboxError::new("its key has characters that SES does not use"));
            }
            self.get(key).await.map_err(MailboxError::new)
        })
    }
}
