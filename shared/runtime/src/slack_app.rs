//! The Slack app of a configuration.

use std::sync::Arc;

use app::slack::SlackApp;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use slack::{API_URL, Https, Slack};

use crate::config::SLACK_API_URL;
use crate::{Config, ConfigError};

/// Creates the Slack app. It sends no request before a workspace is connected.
///
/// # Errors
/// [`ConfigError`] if the URL of Slack's API is invalid.
pub fn slack_app(config: &Config) -> Result<SlackApp, ConfigError> {
    let url = config.slack_api_url.as_deref().unwrap_or(API_URL);
    let connector = SharedHttpConnector::new(crate::aws::https::Https::new());
    let https =
        Https::new(url, connector).map_err(|fault| ConfigError(vec![format!("{SLACK_API_URL}: {fault}")]))?;
    Ok(SlackApp {
        signing_secret: config.slack_signing_secret.clone(),
        client: config.slack_client.clone(),
        api: Some(Slack::new(Arc::new(https))),
    })
}
