//! Tags an alert.

use domain::Actor;
use domain::access::Permission;
use domain::alert::{Alert, note};
use domain::id::AlertId;
use store::Store;
use tracing::instrument;

use super::seen;
use crate::AppError;

/// Replaces all tags of an alert; the last write wins.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such alert, [`AppError::Invalid`] if there are too many.
#[instrument(skip_all, fields(alert.id = %id))]
pub async fn tag(store: &Store, by: &Actor, id: AlertId, tags: &[String]) -> Result<Alert, AppError> {
    by.may(Permission::Respond)?;
    let tags = note::tags(tags.iter().map(String::as_str))
        .map_err(|misfit| AppError::invalid(misfit.at, misfit.reason))?;
    let alert = seen::find(store, by, id).await?;
    store.tag(by.org(), alert.id, &tags).await?;
    Ok(Alert { tags, ..alert })
}
