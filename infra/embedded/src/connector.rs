//! The HTTP client under the unmodified AWS clients: it passes requests to a backend in this process.

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

use crate::call::{AwsBackend, AwsCall, AwsResponse, CallError, Service};

/// The endpoint URL that the clients are given.
pub(crate) const ENDPOINT: &str = "http://embedded";

/// An HTTP client for the AWS SDK that passes requests to an [`AwsBackend`] instead of a socket.
#[derive(Clone)]
pub struct Connector(Arc<dyn AwsBackend>);

impl Connector {
    /// Creates a connector to a backend.
    pub fn new(backend: Arc<dyn AwsBackend>) -> Self {
        Self(backend)
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let backend = self.0.clone();
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").unwrap_or_default();
            let Some((service, operation)) = Service::from_target(target) else {
                let source = format!("no embedded service has the target `{target}`");
                return Err(ConnectorError::user(source.into()));
            };
            let Some(body) = request.body().bytes() else {
                return Err(ConnectorError::user(
                    "a streaming body cannot be sent to an embedded service".into(),
                ));
            };
            let response =
                backend.call(AwsCall { service, operation, body }).await.map_err(connector_error)?;
            sdk_response(response)
        })
    }
}

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// Converts a call's error for the SDK, which retries the first two.
fn connector_error(error: CallError) -> ConnectorError {
    match error {
        CallError::BeforeApplying => ConnectorError::io(error.into()),
        CallError::AfterApplying => ConnectorError::timeout(error.into()),
        CallError::Killed => ConnectorError::user(error.into()),
    }
}

/// Converts a response for the SDK.
fn sdk_response(response: AwsResponse) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(response.status).map_err(|e| ConnectorError::user(e.into()))?;
    let mut converted = HttpResponse::new(status, SdkBody::from(response.body));
    if let Some(code) = response.query_error {
        converted.headers_mut().insert("x-amzn-query-error", code);
    }
    Ok(converted)
}

/// Placeholder credentials: the SDK signs with them, and nobody checks the signatures.
fn credentials() -> Credentials {
    Credentials::new("embedded", "embedded", None, None, "embedded")
}

/// Creates a DynamoDB client for a backend, with the SDK's defaults otherwise.
pub fn dynamodb(backend: Arc<dyn AwsBackend>) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_dynamodb::config::Region::new("local"))
        .credentials_provider(credentials())
        .endpoint_url(ENDPOINT)
        .http_client(Connector::new(backend))
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}

/// Creates an SQS client for a backend, with the SDK's defaults otherwise.
pub fn sqs(backend: Arc<dyn AwsBackend>) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_sqs::config::Region::new("local"))
        .credentials_provider(credentials())
        .endpoint_url(ENDPOINT)
        .http_client(Connector::new(backend))
        .build();
    aws_sdk_sqs::Client::from_conf(config)
}
