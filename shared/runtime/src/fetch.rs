//! Asks the provider that people sign in with, over the network.

use std::sync::Arc;
use std::time::Duration;

use app::oidc::{Answer, Fetch, Oidc, Request};
use futures_util::future::BoxFuture;
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use machine::BoxError;
use secrecy::ExposeSecret;

use crate::Config;
use crate::aws::https::connector;

/// How long a request may take in all.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The most that is read of an answer.
const MOST_BYTES: usize = 512 * 1024;

/// Sends requests over HTTPS, or HTTP where the address says so.
pub struct Network(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Network {
    /// Connects to nothing before something is asked.
    pub fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build(connector()))
    }

    /// A client that keeps no connection: one that slept while its function was frozen is broken as often as not.
    pub(crate) fn fresh() -> Self {
        Self(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector()))
    }

    /// Posts a body; the answer is its status alone.
    pub(crate) async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<StatusCode, BoxError> {
        let mut asked = http::Request::post(url).body(Full::from(body))?;
        *asked.headers_mut() = headers;
        Ok(self.0.request(asked).await?.status())
    }

    async fn send(&self, request: Request) -> Result<Answer, BoxError> {
        let mut asked = match request.form {
            Some(form) => {
                let mut asked = http::Request::post(&request.url).body(Full::from(form))?;
                let form = HeaderValue::from_static("application/x-www-form-urlencoded");
                asked.headers_mut().insert(CONTENT_TYPE, form);
                asked
            }
            None => http::Request::get(&request.url).body(Full::default())?,
        };
        asked.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(authorization) = request.authorization {
            let mut value = HeaderValue::from_str(authorization.expose_secret())?;
            value.set_sensitive(true);
            asked.headers_mut().insert(AUTHORIZATION, value);
        }
        let answer = self.0.request(asked).await?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), MOST_BYTES).collect().await?.to_bytes();
        Ok(Answer { status, body: body.to_vec() })
    }
}

/// The provider that a configuration names, if it names one.
pub fn provider(config: &Config) -> Option<Arc<Oidc>> {
    let settings = config.oidc.clone()?;
    Some(Arc::new(Oidc::new(settings, Arc::new(Network::new()))))
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl Fetch for Network {
    fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Answer, BoxError>> {
        Box::pin(async move { tokio::time::timeout(TIMEOUT, self.send(request)).await? })
    }
}
