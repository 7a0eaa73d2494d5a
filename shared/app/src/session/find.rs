//! Finds a valid session.

use domain::Timestamp;
use domain::session::Session;
use store::Store;
use tracing::instrument;

use crate::AppError;

/// The session of a token, if it exists and has not expired; one consistent read.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all)]
pub async fn find(store: &Store, token: &str, now: Timestamp) -> Result<Option<Session>, AppError> {
    Ok(store.session(token).await?.filter(|session| session.is_good(now)))
}
