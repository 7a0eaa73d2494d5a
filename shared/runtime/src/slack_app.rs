//! The Slack app that a configuration gives.

use std::sync::Arc;

use app::slack::SlackApp;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use slack::{API_URL, Https, Slack};

use crate::config::SLACK_API_URL;
use crate::{Config, ConfigError};

/// Makes the Slack app. Nothing is asked of Slack before a workspace is connected, nor is its client made.
///
/// # Errors
/// [`ConfigError`] if the address of its API is none.
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
