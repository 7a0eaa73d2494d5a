//! Fetches the certificate with which SNS signs its messages.

use std::time::Duration;

use egress::Client;
use sources::sns::Certificate;
use tracing::instrument;

use crate::AppError;

/// Time limit for the request. The sender of the delivery waits for our response meanwhile.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Fetches the certificate at an address of SNS. `None` if there is no certificate at that address.
///
/// The certificate is trusted because it comes from a host of SNS over HTTPS. SNS does not provide the chain of
/// certificates to a root.
///
/// # Errors
/// [`AppError::Unavailable`] if SNS did not answer.
#[instrument(skip_all)]
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
