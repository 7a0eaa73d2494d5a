//! The bucket that SES puts mails into.
//!
//! A mail is one signed request: the client of S3 is larger than the rest of the function.

use std::sync::Arc;
use std::time::Duration;

use app::Clock;
use bytes::Bytes;
use domain::Timestamp;
use egress::Signer;
use futures_util::future::BoxFuture;
use http::header::{HeaderMap, HeaderValue, RANGE};
use http::{Method, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use machine::BoxError;
use mail::{MOST_BYTES, Mailbox, MailboxError};
use secrecy::ExposeSecret;

use crate::Config;
use crate::aws::https::connector;
use crate::config::{Bucket, Credentials};

/// How long a mail may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The bucket.
struct S3 {
    /// What stands before a key.
    base: String,
    signer: Signer,
    clock: Clock,
    client: Client<hyper_rustls::HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// The mailbox that a configuration names, if it names one.
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
        client: Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector()),
    }))
}

impl S3 {
    async fn get(&self, key: &str) -> Result<Bytes, BoxError> {
        let url = format!("{}/{key}", self.base);
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_str(&format!("bytes=0-{}", MOST_BYTES - 1))?);
        let since = Duration::try_from((self.clock)().duration_since(Timestamp::UNIX_EPOCH))?;
        let headers = self.signer.signed((&Method::GET, &url), headers, b"", since)?;
        let mut request = http::Request::get(&url).body(Full::default())?;
        *request.headers_mut() = headers;
        let answer = self.client.request(request).await?;
        let status = answer.status();
        let mail = mail::read_start(answer.into_body()).await?;
        if matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
            return Ok(mail);
        }
        Err(format!("S3 answered {status}: {}", domain::text::shorten(&String::from_utf8_lossy(&mail), 300))
            .into())
    }
}

impl Mailbox for S3 {
    fn fetch<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Bytes, MailboxError>> {
        Box::pin(async move {
            // A key is put into an address as it is.
            let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
            if key.is_empty() || !key.chars().all(plain) || key.contains("..") {
                return Err(MailboxError::new("its key is none that SES makes"));
            }
            match tokio::time::timeout(TIMEOUT, self.get(key)).await {
                Ok(fetched) => fetched.map_err(MailboxError::new),
                Err(_) => Err(MailboxError::new("S3 did not answer")),
            }
        })
    }
}
