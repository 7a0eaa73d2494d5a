//! Slack over HTTPS, with the HTTP client that functions use for AWS. It does not follow redirects.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Limited};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::call::retry_after;
use crate::transport::{Authorization, CallError, Reply, Request, Transport};

/// The base URL of Slack's API.
pub const API_URL: &str = "https://slack.com/api";

/// The base URL of response URLs.
const ANSWERS: &str = "https://hooks.slack.com/";

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// The characters that a form does not escape.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The error for an address that may not be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the address must begin with https://, or with http:// and this machine's name")]
pub struct AddressError;

/// Slack over HTTPS.
pub struct Https {
    api: String,
    answers: String,
    connector: SharedHttpConnector,
}

impl Https {
    /// A transport for Slack's API at an address. Replies go only to Slack's own host, or to an API on this machine.
    ///
    /// # Errors
    /// [`AddressError`] if it is not encrypted and leaves the machine.
    pub fn new(api: &str, connector: SharedHttpConnector) -> Result<Self, AddressError> {
        let api = api.trim_end_matches('/');
        if !egress::is_encrypted_or_local(api) {
            return Err(AddressError);
        }
        let local = api.starts_with("http://");
        let host = api.split('/').take(3).collect::<Vec<_>>().join("/");
        let answers = if local { format!("{host}/") } else { ANSWERS.to_owned() };
        Ok(Self { api: api.to_owned(), answers, connector })
    }

    /// The HTTP request.
    fn wired(&self, request: &Request) -> Result<HttpRequest, CallError> {
        let (address, body, kind, authorization) = match request {
            Request::Call { method, authorization, arguments, .. } => {
                let address = format!("{}/{}", self.api, method.name());
                let authorization = match authorization {
                    Authorization::Bearer(token) => format!("Bearer {}", token.expose_secret()),
                    Authorization::App { id, secret } => {
                        format!("Basic {}", STANDARD.encode(format!("{id}:{}", secret.expose_secret())))
                    }
                };
                if method.takes_json() {
                    (address, arguments.to_string(), JSON, Some(authorization))
                } else {
                    (address, form(arguments), "application/x-www-form-urlencoded", Some(authorization))
                }
            }
            Request::Answer { to, message } => {
                (self.answers_at(to)?.to_owned(), message.to_string(), JSON, None)
            }
        };
        let unsendable = |_| CallError::Refused("the address is not valid".to_owned());
        let length = body.len();
        let mut wired = HttpRequest::new(SdkBody::from(body));
        wired.set_method("POST").map_err(|_| CallError::Refused("no such method".to_owned()))?;
        wired.set_uri(address).map_err(unsendable)?;
        wired.headers_mut().insert("content-type", kind);
        wired.headers_mut().insert("content-length", length.to_string());
        wired.headers_mut().insert("user-agent", "firebell");
        if let Some(authorization) = authorization {
            wired.headers_mut().insert("authorization", authorization);
        }
        Ok(wired)
    }

    /// The response URL, if it belongs to Slack.
    fn answers_at<'a>(&self, to: &'a SecretString) -> Result<&'a str, CallError> {
        let to = to.expose_secret();
        let ours = to.starts_with(&self.answers) && !to.contains(['@', '\\', '#']) && !to.contains("..");
        if ours { Ok(to) } else { Err(CallError::Refused("the address does not belong to Slack".to_owned())) }
    }
}

/// The content type of JSON.
const JSON: &str = "application/json; charset=utf-8";

/// Arguments as a form.
fn form(arguments: &Value) -> String {
    let pairs = arguments.as_object().into_iter().flatten().map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{name}={}", utf8_percent_encode(&text, FORM))
    });
    pairs.collect::<Vec<_>>().join("&")
}

impl Transport for Https {
    fn send<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Reply, CallError>> {
        Box::pin(async move {
            let wired = self.wired(request)?;
            let call = async {
                // Neither the address nor the body may be logged, only the kind of failure.
                let answered = self.connector.call(wired).await;
                let answered = answered.map_err(|_| CallError::unreachable("Slack cannot be reached"))?;
                let status = answered.status().as_u16();
                let retry_after = retry_after(answered.headers().get("retry-after"));
                let body = answered.into_body();
                let body = read_whole(body).await?;
                Ok(Reply { status, retry_after, body })
            };
            let timed = tokio::time::timeout(PATIENCE, call).await;
            timed.unwrap_or_else(|_| Err(CallError::unreachable("Slack did not respond in time")))
        })
    }
}

/// The longest body that is read.
const MOST_BODY: usize = 4 * 1024 * 1024;

/// Reads a body up to the limit.
async fn read_whole(body: SdkBody) -> Result<String, CallError> {
    let whole = Limited::new(body, MOST_BODY).collect().await;
    let whole = whole.map_err(|_| CallError::unreachable("Slack's response is incomplete"))?;
    Ok(String::from_utf8_lossy(&whole.to_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_machine_without_encryption() {
        for good in [API_URL, "http://127.0.0.1:9/api", "http://localhost/api/", "http://[::1]:80/api"] {
            assert!(Https::new(good, SharedHttpConnector::new(Nowhere)).is_ok(), "{good}");
        }
        for bad in [
            "http://slack.com/api",
            "http://127.0.0.1.evil.example/api",
            "http://127.0.0.1@evil.example/api",
            "http://localhost:80@evil.example/",
            "ftp://slack.com",
            "https://",
            "",
        ] {
            assert!(Https::new(bad, SharedHttpConnector::new(Nowhere)).is_err(), "{bad}");
        }
    }

    /// A way to nowhere.
    #[derive(Debug)]
    struct Nowhere;

    impl HttpConnector for Nowhere {
        fn call(&self, _: HttpRequest) -> aws_smithy_runtime_api::client::http::HttpConnectorFuture {
            unreachable!("nothing is sent in these tests")
        }
    }

    fn https(url: &str) -> Https {
        Https::new(url, SharedHttpConnector::new(Nowhere)).unwrap()
    }

    #[test]
    fn answers_go_to_slack_alone() {
        let real = https(API_URL);
        let at = |to: &str| real.answers_at(&SecretString::from(to)).is_ok();

        assert!(
            at("https://hooks.slack.com/commands/T1/2/3") && at("https://hooks.slack.com/actions/T1/2/3")
        );
        for bad in [
            "https://hooks.slack.com.evil.example/x",
            "https://hooks.slack.com@evil.example/",
            "https://hooks.slack.com/@evil.example/",
            "http://hooks.slack.com/commands/x",
            "https://169.254.169.254/latest",
            "https://hooks.slack.com/../x",
        ] {
            assert!(!at(bad), "{bad}");
        }
        let local = https("http://127.0.0.1:9/api");
        assert!(local.answers_at(&SecretString::from("http://127.0.0.1:9/answer/1")).is_ok());
        assert!(local.answers_at(&SecretString::from("http://127.0.0.1:90/answer/1")).is_err());
    }

    #[test]
    fn forms_hold_what_they_are_given() {
        let arguments = serde_json::json!({ "email": "a+b@example.com", "limit": 5, "all": true });

        assert_eq!(form(&arguments), "all=true&email=a%2Bb%40example.com&limit=5");
    }
}
