//! Adds notes to alerts and lists them.

use domain::access::Permission;
use domain::alert::note::{self, MOST_NOTES, Note};
use domain::id::{AlertId, NoteId};
use domain::{Actor, Timestamp};
use machine::CommitError;
use store::{Commit, Store};
use tracing::instrument;

use super::seen;
use crate::{AppError, Random};

/// The notes of an alert, the newest first.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such alert.
#[instrument(skip_all, fields(alert.id = %id))]
pub async fn notes(store: &Store, by: &Actor, id: AlertId) -> Result<Vec<Note>, AppError> {
    by.may(Permission::SeeOnCall)?;
    let alert = seen::find(store, by, id).await?;
    Ok(store.notes(by.org(), alert.id, usize::try_from(MOST_NOTES).unwrap_or(usize::MAX)).await?)
}

/// Adds a note to an alert. Notes cannot be changed.
///
/// # Errors
/// [`AppError::NotFound`] if there is no such alert, [`AppError::Invalid`] if the note is none, [`AppError::Illegal`] if
/// there are too many.
#[instrument(skip_all, fields(alert.id = %id))]
pub async fn note(
    store: &Store,
    by: &Actor,
    id: AlertId,
    text: &str,
    random: &Random,
    now: Timestamp,
) -> Result<Note, AppError> {
    by.may(Permission::Respond)?;
    let text = note::text(text).map_err(|misfit| AppError::invalid(misfit.at, misfit.reason))?;
    let alert = seen::find(store, by, id).await?;
    let note = Note { id: NoteId::new(now, random()), by: by.identity().clone(), text };
    match store.commit(Commit::new().note(by.org(), alert.id, &note)).await {
        Ok(()) => Ok(note),
        Err(CommitError::Conflict) => {
            Err(AppError::Illegal(format!("an alert may have at most {MOST_NOTES} notes")))
        }
        Err(error) => Err(error.into()),
    }
}
