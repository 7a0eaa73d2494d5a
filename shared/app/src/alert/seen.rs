//! Finds alerts as somebody sees them: one of a private incident is not there for whoever has no part in that.

use domain::Actor;
use domain::alert::Alert;
use domain::id::AlertId;
use store::Store;

use crate::AppError;
use crate::incident::seen;

/// Finds an alert, if there is one that `by` sees.
///
/// # Errors
/// [`AppError::NotFound`] if there is none.
pub(super) async fn find(store: &Store, by: &Actor, id: AlertId) -> Result<Alert, AppError> {
    let gone = || AppError::not_found("alert", id);
    let alert = store.alert(by.org(), id).await?.ok_or_else(gone)?;
    if seen::hidden(store, by, [alert.incident]).await?.is_empty() { Ok(alert) } else { Err(gone()) }
}
