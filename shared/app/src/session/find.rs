//! Finds a session that goes on.

use domain::Timestamp;
use domain::session::Session;
use store::Store;
use tracing::instrument;

use crate::AppError;

/// The session of a token, if there is one and its time is not over: one read, never stale.
///
/// # Errors
/// [`AppError`] if the store failed.
#[instrument(skip_all, err)]
pub async fn find(store: &Store, token: &str, now: Timestamp) -> Result<Option<Session>, AppError> {
    Ok(store.session(token).await?.filter(|session| session.is_good(now)))
}
