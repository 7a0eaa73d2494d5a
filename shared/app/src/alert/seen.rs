//! Finds alerts that an actor may see: the alerts of a private incident are hidden from people who do not see the
//! incident.

use domain::Actor;
use domain::alert::Alert;
use domain::id::AlertId;
use store::Store;

use crate::AppError;
use crate::incident::seen;

/// Finds an alert that the actor may see.
///
/// # Errors
/// [`AppError::NotFound`] if it does not exist.
pub(super) async fn find(store: &Store, by: &Actor, id: AlertId) -> Result<Alert, AppError> {
    let gone = || AppError::not_found("alert", id);
    let alert = store.alert(by.org(), id).await?.ok_or_else(gone)?;
    if seen::hidden(store, by, [alert.incident]).await?.is_empty() { Ok(alert) } else { Err(gone()) }
}
