//! The connector under the unmodified clients.

use std::fmt;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use crate::wire::{Answer, Broken, Call, Service, Wire};

/// Where the clients believe they are talking to.
pub(crate) const ENDPOINT: &str = "http://embedded";

/// An HTTP client for the SDK that asks a [`Wire`] instead of a socket.
#[derive(Clone)]
pub struct Connector(Arc<dyn Wire>);

impl Connector {
    /// Makes a connector over `wire`.
    pub fn new(wire: Arc<dyn Wire>) -> Self {
        Self(wire)
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let wire = self.0.clone();
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").unwrap_or_default();
            let Some((service, operation)) = Service::from_target(target) else {
                let source = format!("no embedded service answers target `{target}`");
                return Err(ConnectorError::user(source.into()));
            };
            let Some(body) = request.body().bytes() else {
                return Err(ConnectorError::user("a streaming body cannot be sent in process".into()));
            };
            let answer = wire.call(Call { service, operation, body }).await.map_err(connector_error)?;
            response(answer)
        })
    }
}

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// Says to the SDK what became of the connection: it retries the first two.
fn connector_error(broken: Broken) -> ConnectorError {
    match broken {
        Broken::BeforeApplying => ConnectorError::io(broken.into()),
        Broken::AfterApplying => ConnectorError::timeout(broken.into()),
        Broken::Killed => ConnectorError::user(broken.into()),
    }
}

/// Turns an answer into the SDK's response.
fn response(answer: Answer) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(answer.status).map_err(|e| ConnectorError::user(e.into()))?;
    let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
    if let Some(code) = answer.query_error {
        response.headers_mut().insert("x-amzn-query-error", code);
    }
    Ok(response)
}

/// Credentials that sign and mean nothing.
fn credentials() -> Credentials {
    Credentials::new("embedded", "embedded", None, None, "embedded")
}

/// Makes a DynamoDB client over `wire`, everything else as the SDK has it by default.
pub fn dynamodb(wire: Arc<dyn Wire>) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_dynamodb::config::Region::new("local"))
        .credentials_provider(credentials())
        .endpoint_url(ENDPOINT)
        .http_client(Connector::new(wire))
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}

/// Makes an SQS client over `wire`, everything else as the SDK has it by default.
pub fn sqs(wire: Arc<dyn Wire>) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_sqs::config::Region::new("local"))
        .credentials_provider(credentials())
        .endpoint_url(ENDPOINT)
        .http_client(Connector::new(wire))
        .build();
    aws_sdk_sqs::Client::from_conf(config)
}
