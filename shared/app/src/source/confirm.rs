//! Confirms a topic's subscription to a source: SNS sends nothing before somebody asks at the address that it named.

use std::time::Duration;

use domain::id::SourceId;
use egress::Client;
use tracing::{info, instrument, warn};

use crate::AppError;

/// How long SNS may take for its answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Asks at the address of a subscription, which was looked at before; asking again changes nothing.
///
/// # Errors
/// [`AppError::Unavailable`] if there was no answer, and the message must come again.
#[instrument(skip_all, fields(alert_source.id = %source), err)]
pub async fn confirm(outside: &Client, source: SourceId, url: &str) -> Result<(), AppError> {
    let unavailable = |source| AppError::Unavailable { what: "confirming a subscription", source };
    let answer = outside.get(url, TIMEOUT).await.map_err(|error| unavailable(error.into()))?;
    let status = answer.status;
    if status.is_success() {
        info!(alert_source.id = %source, "confirmed a subscription of alert source `{source}`");
        return Ok(());
    }
    if status.is_client_error() && status.as_u16() != 429 {
        // It ran out, or was withdrawn: SNS asks anew when somebody lets it.
        warn!(alert_source.id = %source, http.status = status.as_u16(), "a subscription cannot be confirmed any more");
        return Ok(());
    }
    Err(unavailable(format!("SNS answered {status}").into()))
}
