//! The AWS clients, which are created once per process.

pub(crate) mod https;

use std::time::Duration;

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::meta::region::ProvideRegion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};

use self::https::Https;
use crate::Config;

/// The most attempts at a call, including the first.
const ATTEMPTS: u32 = 4;

/// The AWS clients of a function.
pub(crate) struct Clients {
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
}

/// Creates the clients of a function on Lambda. Region and credentials come from its environment variables.
///
/// The SDK's default chain also reads files, the metadata service and STS. That is half a megabyte of code in each
/// function, and on Lambda none of these places holds credentials.
pub(crate) async fn clients(config: &Config) -> Clients {
    let region = EnvironmentVariableRegionProvider::new().region().await;
    let credentials = SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
    create(config, region, credentials)
}

/// Creates the clients of `cargo local` for services at an endpoint of their own, which accept any credentials.
pub fn clients_elsewhere(config: &Config) -> (aws_sdk_dynamodb::Client, aws_sdk_sqs::Client) {
    let credentials = Credentials::new("local", "local", None, None, "one machine");
    let Clients { dynamodb, sqs } =
        create(config, Some(Region::new("local")), SharedCredentialsProvider::new(credentials));
    (dynamodb, sqs)
}

fn create(config: &Config, region: Option<Region>, credentials: SharedCredentialsProvider) -> Clients {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(3))
        .operation_timeout(Duration::from_secs(12))
        .build();
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region)
        .credentials_provider(credentials)
        .http_client(Https::new())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts)
        .build();
    let mut dynamodb = aws_sdk_dynamodb::config::Builder::from(&sdk);
    dynamodb.set_endpoint_url(config.dynamodb.clone());
    let mut sqs = aws_sdk_sqs::config::Builder::from(&sdk);
    sqs.set_endpoint_url(config.sqs.clone());
    Clients {
        dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
        sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
    }
}
