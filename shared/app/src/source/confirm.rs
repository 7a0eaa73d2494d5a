//! Confirms the subscription of an alert source to an SNS topic. SNS sends no messages until its confirmation address was
//! requested.

use std::time::Duration;

use domain::id::SourceId;
use egress::Client;
use tracing::{info, instrument, warn};

use crate::AppError;

/// Time limit for the request.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Requests the confirmation address of a subscription, which was checked before. Requesting it again changes nothing.
///
/// # Errors
/// [`AppError::Unavailable`] if SNS did not answer, so that the message must be processed again.
#[instrument(skip_all, fields(alert_source.id = %source))]
pub async fn confirm(outside: &Client, source: SourceId, url: &str) -> Result<(), AppError> {
    let unavailable = |source| AppError::Unavailable { what: "confirming a subscription", source };
    let answer = outside.get(url, TIMEOUT).await.map_err(|error| unavailable(error.into()))?;
    let status = answer.status;
    if status.is_success() {
        info!(alert_source.id = %source, "confirmed the SNS subscription of alert source `{source}`");
        return Ok(());
    }
    if status.is_client_error() && status.as_u16() != 429 {
        // The confirmation has expired or was withdrawn. SNS requests another one when the customer subscribes again.
        warn!(alert_source.id = %source, http.status = status.as_u16(), "SNS subscription can no longer be confirmed");
        return Ok(());
    }
    Err(unavailable(format!("SNS answered {status}").into()))
}
