//! The clients, made once.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

/// How often the client tries a call that failed on the way.
const ATTEMPTS: u32 = 4;

/// Loads region and credentials; an address in `AWS_ENDPOINT_URL` counts, so that a proxy can stand between.
pub(crate) async fn load() -> SdkConfig {
    loader().load().await
}

fn loader() -> ConfigLoader {
    let http =
        aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(3))
        .operation_timeout(Duration::from_secs(12))
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts)
}

/// The clients of one machine whose embedded services are asked over the network: any credentials will do.
pub async fn clients_elsewhere() -> (aws_sdk_dynamodb::Client, aws_sdk_sqs::Client) {
    let config = loader()
        .region(Region::new("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "one machine"))
        .load()
        .await;
    (aws_sdk_dynamodb::Client::new(&config), aws_sdk_sqs::Client::new(&config))
}
