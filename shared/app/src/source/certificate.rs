//! Fetches the certificate that SNS signs with.

use std::time::Duration;

use egress::Client;
use sources::sns::Certificate;
use tracing::instrument;

use crate::AppError;

/// How long SNS may take for its answer: whoever delivers waits for ours.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Fetches the certificate at an address of SNS; none if there is none.
///
/// Nobody vouches for it but the host that it came from: SNS hands it out without those that would lead to a root.
///
/// # Errors
/// [`AppError::Unavailable`] if there was no answer.
#[instrument(skip_all, err)]
pub async fn fetch(outside: &Client, url: &str) -> Result<Option<Certificate>, AppError> {
    let unavailable = |source| AppError::Unavailable { what: "fetching a certificate", source };
    let answer = outside.get(url, TIMEOUT).await.map_err(|error| unavailable(error.into()))?;
    let status = answer.status;
    if status.is_success() {
        return Ok(Certificate::read(&answer.body));
    }
    if status.is_client_error() && status.as_u16() != 429 {
        return Ok(None);
    }
    Err(unavailable(format!("SNS answered {status}").into()))
}
